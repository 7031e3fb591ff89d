import MsgBus
import Synchronization
import TestSupport
import Testing

@Suite("Logins", .enabled(if: SecureCluster.isUsable, "\(SecureCluster.hint)"), .timeLimit(.minutes(5)))
struct LoginTests {
    let certificates = try! SecureCluster.certificates.get()

    /// Those with a user name and a password.
    enum Mechanism: String, CaseIterable {
        case plain = "PLAIN"
        case scramSHA256 = "SCRAM-SHA-256"
        case scramSHA512 = "SCRAM-SHA-512"

        func login(_ username: String, _ password: Secret) -> SASLLogin {
            switch self {
            case .plain: .plain(username: username, password: password)
            case .scramSHA256: .scramSHA256(username: username, password: password)
            case .scramSHA512: .scramSHA512(username: username, password: password)
            }
        }

        var guardian: FaultProxy.Guard { .login(rawValue, user: "alice", password: "open-sesame") }
    }

    /// With TLS if wanted: the guard, and the options.
    private func tls(_ isOn: Bool) throws -> (guards: [FaultProxy.Guard], options: TLSOptions?) {
        guard isOn else { return ([], nil) }
        return (
            [.tls(try certificates.broker())], TLSOptions(certificateAuthorities: .file(certificates.authority.file))
        )
    }

    private func failure(
        _ cluster: SecureCluster,
        _ security: Security,
        attempts: Int = .max
    ) async throws -> MsgBusError {
        var config = cluster.config(.writer, security)
        config.connectRetries = attempts
        let final = config
        let start = ContinuousClock.now
        let error = await #expect(throws: MsgBusError.self) { _ = try await KafkaWriter.connect(final) }
        #expect(start.duration(to: .now) < hang)
        return try #require(error)
    }

    @Test("Whoever knows the password gets in, with TLS and without", arguments: Mechanism.allCases, [true, false])
    func passwords(mechanism: Mechanism, isEncrypted: Bool) async throws {
        let tls = try tls(isEncrypted)
        let cluster = try await SecureCluster(tls.guards + [mechanism.guardian])
        try await cluster.expectRoundTrip(.sasl(mechanism.login("alice", "open-sesame"), tls: tls.options))
    }

    @Test("TLS, a client certificate and a login together")
    func everything() async throws {
        var tls = try tls(true)
        let client = try certificates.client()
        tls.options?.clientCertificate = ClientCertificate(certificate: .file(client.file), key: .file(client.keyFile))
        let cluster = try await SecureCluster(
            tls.guards + [.clientCertificate(of: certificates.authority), Mechanism.scramSHA512.guardian]
        )
        try await cluster.expectRoundTrip(
            .sasl(.scramSHA512(username: "alice", password: "open-sesame"), tls: tls.options)
        )
    }

    @Test("A wrong password and an unknown user are final errors", arguments: Mechanism.allCases)
    func wrongPassword(mechanism: Mechanism) async throws {
        let cluster = try await SecureCluster([mechanism.guardian])
        for login in [mechanism.login("alice", "hunter2-hunter2"), mechanism.login("mallory", "open-sesame")] {
            let error = try await failure(cluster, .sasl(login))
            #expect(error.code == .authentication)
            #expect(error.message.contains("the broker doesn't accept the login"))
            #expect(!error.isRetriable)
            #expect(!error.message.contains("attempts"))
            for secret in ["hunter2", "open-sesame"] { #expect(!"\(error)".contains(secret)) }
        }
    }

    @Test("A mechanism that the broker doesn't offer is an error that names those that it does")
    func wrongMechanism() async throws {
        let cluster = try await SecureCluster([Mechanism.plain.guardian, Mechanism.scramSHA256.guardian])
        let error = try await failure(cluster, .sasl(.scramSHA512(username: "alice", password: "open-sesame")))
        #expect(error.code == .authentication)
        #expect(error.message.contains("doesn't offer this way to log in"))
        #expect(error.message.contains("PLAIN") && error.message.contains("SCRAM-SHA-256"))
        #expect(!error.isRetriable)
    }

    @Test("A login that the broker wants and nobody makes is an error that says so", arguments: [true, false])
    func missingLogin(isEncrypted: Bool) async throws {
        let tls = try tls(isEncrypted)
        let cluster = try await SecureCluster(tls.guards + [Mechanism.plain.guardian])
        let security = tls.options.map { Security.tls($0) } ?? .plaintext
        let error = try await failure(cluster, security, attempts: 1)
        #expect(error.code == .authentication)
        #expect(error.message.contains("seems to want a login"))
    }

    // MARK: Later

    @Test("A password that is taken away while connected is seen, told, and healed when it works again")
    func revoked() async throws {
        let cluster = try await SecureCluster([Mechanism.scramSHA256.guardian])
        defer { withExtendedLifetime(cluster) {} }
        let security = Security.sasl(.scramSHA256(username: "alice", password: "open-sesame"))
        let reader = try await KafkaReader.connect(cluster.config(.reader, security))
        let writer = try await KafkaWriter.connect(cluster.config(.writer, security))
        try await writer.write("before")
        #expect(try await reader.read().text == "before")
        let told = Collected<String>()
        let listening = [writer.events, reader.events].map { events in
            Task { for await event in events { told.append("\(event)") } }
        }
        try cluster.proxy.forbid("SCRAM-SHA-256", user: "alice")
        try cluster.proxy.resetConnections()
        for status in [{ reader.status() }, { writer.status() }] {
            #expect(await eventually { if case .disconnected = status() { true } else { false } })
        }
        #expect(await eventually { told.all.count { $0.hasPrefix("error: authentication: ") } >= 2 })
        #expect(!told.all.contains { $0.contains("open-sesame") })
        let waiting = immediately { try await writer.write("meanwhile") }
        try cluster.proxy.allow("SCRAM-SHA-256", user: "alice", password: "open-sesame")
        _ = try await waiting.value
        #expect(try await reader.read().text == "meanwhile")
        #expect(await eventually { writer.status() == .open && reader.status() == .open })
        await writer.close()
        await reader.close()
        for task in listening { await task.value }
    }

    @Test("A broker's certificate that goes bad while connected is seen, told, and healed with a good one")
    func certificateGoesBad() async throws {
        let cluster = try await SecureCluster([.tls(certificates.broker())])
        defer { withExtendedLifetime(cluster) {} }
        let writer = try await KafkaWriter.connect(
            cluster.config(.writer, .tls(caFile: certificates.authority.file))
        )
        let told = Collected<String>()
        let events = writer.events
        let listening = Task { for await event in events { told.append("\(event)") } }
        try cluster.proxy.use(certificates.broker(days: -1))
        try cluster.proxy.resetConnections()
        #expect(await eventually { told.all.contains { $0.contains("has expired") } })
        #expect(await eventually { if case .disconnected = writer.status() { true } else { false } })
        try cluster.proxy.use(certificates.broker())
        #expect(await eventually { writer.status() == .open })
        try await writer.write("again")
        await writer.close()
        await listening.value
    }
}
