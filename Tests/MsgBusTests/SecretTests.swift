import TestSupport
import Testing

@testable import MsgBus

@Suite("Secrets", .timeLimit(.minutes(5)))
struct SecretTests {
    private static let pem = "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----"

    /// Everything that can have a secret in it, with `hunter2` for each.
    private static let values: [any Sendable] = {
        let secret: Secret = "hunter2"
        let certificate = ClientCertificate(certificate: .text(pem), key: .text(pem), keyPassword: secret)
        var options = TLSOptions(certificateAuthorities: .text(pem))
        options.clientCertificate = certificate
        let login = SASLLogin.plain(username: "alice", password: secret)
        var config = MsgBusConfig(topic: "t", direction: .writer)
        config.security = .sasl(login, tls: options)
        for name in [
            "sasl.password", "ssl.key.password", "ssl.keystore.password", "ssl.key.pem", "sasl.oauthbearer.config",
            "sasl.oauthbearer.client.secret", "sasl.oauthbearer.assertion.private.key.passphrase",
        ] { config.properties[name] = "hunter2" }
        let token = OAuthToken(token: secret, principal: "alice", lifetime: .seconds(1))
        return [
            secret, PEM.text(pem), certificate, options, login, SASLLogin.scramSHA512(username: "a", password: secret),
            SASLLogin.oauthBearer { token }, config.security, config, token,
            [secret], ["key": secret],
        ]
    }()

    @Test("Nothing that prints shows a secret", arguments: values.indices)
    func printing(index: Int) {
        let value = Self.values[index]
        var texts = [String(describing: value), String(reflecting: value), "\(value)"]
        var dumped = ""
        dump(value, to: &dumped)
        texts.append(dumped)
        var printed = ""
        print(value, to: &printed)
        debugPrint(value, to: &printed)
        texts.append(printed)
        for text in texts { #expect(!text.contains("hunter2")) }
    }

    @Test("A secret prints as stars, and only `reveal` has the text")
    func stars() {
        let secret = Secret("hunter2")
        #expect("\(secret) \(String(reflecting: secret))" == "*** ***")
        #expect(Mirror(reflecting: secret).children.isEmpty)
        #expect(secret.reveal() == "hunter2")
        #expect(secret == "hunter2")
    }

    @Test("A configuration's dump shows what isn't secret")
    func config() {
        var config = MsgBusConfig(topic: "orders", direction: .reader)
        config.groupID = "billing"
        config.security = .tls(caFile: "/etc/ca.pem")
        config.properties = ["sasl.password": "hunter2", "client.id": "me", "ssl.ca.location": "/there"]
        let text = String(describing: config)
        for word in ["orders", "reader", "billing", "/etc/ca.pem", "me", "/there", "***"] {
            #expect(text.contains(word))
        }
        #expect(Mirror(reflecting: config).children.compactMap(\.label).contains("connectTimeout"))
    }

    @Test("A file's path is no secret")
    func paths() {
        #expect(PEM.file("/etc/ca.pem").description == "\"/etc/ca.pem\"")
        #expect(PEM.text(Self.pem).description == "***")
    }

    @Test("Logins are equal by what they are, and with a provider only to themselves")
    func equality() {
        #expect(
            Security.sasl(.plain(username: "a", password: "b")) == .sasl(.plain(username: "a", password: "b"))
        )
        #expect(Security.tls() != .plaintext)
        #expect(Security.tls() == .tls(TLSOptions()))
        #expect(Security.tls(caFile: "x") == .tls(TLSOptions(certificateAuthorities: .file("x"))))
        let make: @Sendable () async throws -> OAuthToken = { throw CancellationError() }
        let login = SASLLogin.oauthBearer(make)
        let copy = login
        #expect(login == copy)
        #expect(login != .oauthBearer(make))
    }

    @Test(
        "A token's lifetime counts from now, whatever it is",
        arguments: [Duration.seconds(60), .zero, .seconds(Int64.max)]
    )
    func lifetime(lifetime: Duration) {
        let token = OAuthToken(token: "t", principal: "p", lifetime: lifetime)
        let left = token.expires.millisecondsSince1970 - WallClock.milliseconds
        #expect(left <= min(lifetime.components.seconds, 100 * 365 * 86_400) * 1000)
        #expect(left > -60_000)
    }

    @Test(
        "What can be seen to be wrong with a login is refused by name",
        arguments: [
            (SASLLogin.plain(username: "", password: "x"), "user name"),
            (.scramSHA256(username: "x", password: ""), "password"),
            (.scramSHA512(username: "x\u{0}", password: "x"), "user name"),
            (.gssapi(serviceName: ""), "service name"),
            (.gssapi(principal: "me; rm -rf /", keytab: "k"), "principal"),
            (.gssapi(principal: "me", keytab: "$(reboot)"), "keytab"),
            (.gssapi(keytab: "/etc/krb5.keytab"), "needs the principal"),
        ]
    )
    func badLogins(login: SASLLogin, expected: String) async {
        var config = MsgBusConfig(topic: "t", direction: .writer)
        config.security = .sasl(login)
        let final = config
        let error = await #expect(throws: MsgBusError.self) { try await KafkaWriter.connect(final) }
        #expect(error?.code == .configuration)
        #expect(error?.message.contains(expected) == true)
    }

    @Test("A login without TLS that anybody can read is warned of", arguments: [true, false])
    func warning(hasTLS: Bool) {
        let tls = hasTLS ? TLSOptions() : nil
        let plain = Security.sasl(.plain(username: "a", password: "b"), tls: tls)
        let scram = Security.sasl(.scramSHA256(username: "a", password: "b"), tls: tls)
        #expect(plain.showsCredentials([:]) == !hasTLS)
        #expect(!scram.showsCredentials([:]))
        #expect(!Security.plaintext.showsCredentials([:]))
        // Properties have the last word.
        #expect(plain.showsCredentials(["security.protocol": "SASL_PLAINTEXT"]))
        #expect(!plain.showsCredentials(["security.protocol": "sasl_ssl"]))
        #expect(
            Security.plaintext.showsCredentials(["security.protocol": "sasl_plaintext", "sasl.mechanism": "plain"])
        )
        #expect(scram.showsCredentials(["sasl.mechanisms": "PLAIN"]) == !hasTLS)
    }

    @Test("A property doesn't turn off the TLS that was asked for", arguments: ["plaintext", "SASL_PLAINTEXT"])
    func downgrade(value: String) async {
        var config = MsgBusConfig(topic: "t", direction: .writer)
        config.security = .sasl(.plain(username: "a", password: "b"), tls: TLSOptions())
        config.properties = ["security.protocol": value]
        let final = config
        let error = await #expect(throws: MsgBusError.self) { try await KafkaWriter.connect(final) }
        #expect(error?.code == .configuration)
        #expect(error?.message.contains("security.protocol") == true)
    }

    @Test("Nor the login", arguments: ["plaintext", "ssl", "SSL"])
    func noLogin(value: String) async {
        var config = MsgBusConfig(topic: "t", direction: .writer)
        config.security = .sasl(.plain(username: "a", password: "b"), tls: value == "plaintext" ? nil : TLSOptions())
        config.properties = ["security.protocol": value]
        let final = config
        let error = await #expect(throws: MsgBusError.self) { try await KafkaWriter.connect(final) }
        #expect(error?.code == .configuration)
        #expect(error?.message.contains("turns off the login") == true)
    }

    @Test("Only a property can have everybody trusted")
    func trust() {
        let property = "enable.ssl.certificate.verification"
        #expect(Security.tls().trustsEverybody([property: "False"]))
        #expect(Security.plaintext.trustsEverybody([property: "0", "security.protocol": "SASL_SSL"]))
        #expect(!Security.tls().trustsEverybody([property: "true"]))
        #expect(!Security.tls().trustsEverybody([:]))
        #expect(!Security.plaintext.trustsEverybody([property: "false"]))
    }

    @Test(
        "A property whose name sounds like a secret is one",
        arguments: [
            ("sasl.jaas.config", true), ("SASL.PASSWORD", true), ("sasl.kerberos.kinit.cmd", true),
            ("access.token", true),
            ("sasl.oauthbearer.token.endpoint.url", false), ("linger.ms", false), ("ssl.ca.location", false),
        ]
    )
    func names(name: String, isSecret: Bool) {
        var config = MsgBusConfig(topic: "t", direction: .writer)
        config.properties = [name: "hunter2"]
        #expect("\(config)".contains("hunter2") != isSecret)
    }
}
