import MsgBus
import MsgBusConfiguration
import Testing

@Suite("Properties of librdkafka beside the keys that stand for them")
struct PropertyTests {
    /// What is in force for a property, or for a key with its source.
    private func property(_ name: String, _ config: MsgBusConfig) throws -> String? {
        try config.effectiveProperties().first { $0.name == name }?.value
    }

    private func setting(_ name: String, _ config: MsgBusConfig) throws -> [String?] {
        try config.effectiveSettings().filter { $0.name == name }.flatMap { [$0.value, $0.source.description] }
    }

    // MARK: A key of a source that counts more

    @Test("TLS and a login of the command line can't be switched off by a file's property")
    func commandLine() throws {
        let config = try configured(
            "properties: {security.protocol: sasl_plaintext}",
            [
                .setting("tls.enabled", "true", from: "--tls"),
                .setting("sasl.mechanism", "plain", from: "--mechanism"),
                .setting("sasl.username", "me", from: "--username"),
                .setting("sasl.password", "hunter2", from: "--password"),
            ]
        )
        #expect(try property("security.protocol", config) == "sasl_ssl")
        #expect(try setting("tls.enabled", config) == ["true", "--tls"])
    }

    @Test(
        "What a property says of TLS and of the login stays as far as no key that counts more says it",
        arguments: [
            ("sasl_plaintext", ["tls.enabled": "true"], "sasl_ssl"),
            ("sasl_ssl", ["tls.enabled": "false"], "sasl_plaintext"),
            ("plaintext", ["tls.verify_host_name": "true"], "ssl"), ("ssl", ["tls.enabled": "false"], "plaintext"),
            ("ssl", ["sasl.mechanism": "plain", "sasl.username": "me", "sasl.password": "x"], "sasl_ssl"),
            ("plaintext", ["sasl.mechanism": "plain", "sasl.username": "me", "sasl.password": "x"], "sasl_plaintext"),
        ]
    )
    func halves(word: String, keys: [String: String], expected: String) throws {
        let login = "sasl.mechanisms: PLAIN, sasl.username: me, sasl.password: x"
        let config = try configured(
            "properties: {security.protocol: \(word), \(word.hasPrefix("sasl") ? login : "client.id: me")}",
            keys.map { .setting($0.key, $0.value, from: "--\($0.key)") }
        )
        #expect(try property("security.protocol", config) == expected)
    }

    @Test("The check of certificates that the environment asks for can't be switched off by a file's property")
    func verification() throws {
        let file = "tls: {enabled: true}\nproperties: {enable.ssl.certificate.verification: \"false\"}"
        let config = try configured(file, [.environment(["MSGBUS_TLS_SKIP_VERIFY": "false"])])
        #expect(try property("enable.ssl.certificate.verification", config) == "true")
        let other = try configured(
            "tls: {skip_verify: true}",
            [.environment(["MSGBUS_PROPERTIES_ENABLE_SSL_CERTIFICATE_VERIFICATION": "true"])]
        )
        #expect(try property("enable.ssl.certificate.verification", other) == "true")
    }

    @Test(
        "A host name's check, and options of a writer, count by their source, too",
        arguments: ["linger.ms", "queue.buffering.max.ms"]
    )
    func others(alias: String) throws {
        let file = """
            tls: {enabled: true}
            properties: {\(alias): 100, ssl.endpoint.identification.algorithm: none, topic.metadata.refresh.interval.ms: 7000}
            """
        let environment = ConfigurationSource.environment([
            "MSGBUS_WRITER_LINGER": "7ms", "MSGBUS_TLS_VERIFY_HOST_NAME": "true",
            "MSGBUS_READER_PARTITION_DISCOVERY_INTERVAL": "9s",
        ])
        let config = try configured(file, .writer, [environment])
        #expect(try property("queue.buffering.max.ms", config) == "7")
        #expect(try setting("writer.linger", config) == ["7ms", "MSGBUS_WRITER_LINGER"])
        #expect(try property("ssl.endpoint.identification.algorithm", config) == "https")
        // For a writer, a key of readers says nothing.
        #expect(try property("topic.metadata.refresh.interval.ms", config) == "7000")
    }

    // MARK: A property of a source that counts more

    @Test("A property's second name is the same property, and so is one for both directions")
    func names() throws {
        let higher = ConfigurationSource.setting("properties.linger.ms", "5", from: "-X")
        for file in ["properties: {queue.buffering.max.ms: \"10\"}", "writer: {properties: {linger.ms: 10}}"] {
            let config = try configured(file, .writer, [higher])
            #expect(config.properties == ["linger.ms": "5"])
            #expect(try property("queue.buffering.max.ms", config) == "5")
        }
        let message = refusal(of: "properties: {queue.buffering.max.ms: 10, linger.ms: 5}", .writer)
        #expect(message.contains("two names of one property"), "\(message)")
    }

    @Test("What the code sets counts more than a file's property for the same, and its property most")
    func code() throws {
        let file = ConfigurationSource.text("topic: orders\nproperties: {linger.ms: 100, acks: 1}\n", name: "bus.yaml")
        let config = try MsgBusConfig(direction: .writer, from: file) { $0.writer.linger = .milliseconds(7) }
        #expect(try property("queue.buffering.max.ms", config) == "7")
        #expect(config.properties["acks"] == "1")
        let both = try MsgBusConfig(direction: .writer, from: file) {
            $0.writer.linger = .milliseconds(7)
            $0.properties["linger.ms"] = "9"
        }
        #expect(try property("queue.buffering.max.ms", both) == "9")
    }

    @Test("Security that the code sets counts more than a file's keys and properties for it")
    func security() throws {
        let file = ConfigurationSource.text(
            """
            topic: orders
            tls: {skip_verify: true, minimum_version: 1.3}
            properties: {sasl.username: mallory, sasl.password: x, security.protocol: ssl, ssl.curves.list: P-256}
            """,
            name: "bus.yaml"
        )
        let config = try MsgBusConfig(direction: .writer, from: file) {
            $0.security = .sasl(.plain(username: "alice", password: "secret"), tls: TLSOptions())
        }
        #expect(config.properties == ["ssl.curves.list": "P-256"])
        #expect(try property("enable.ssl.certificate.verification", config) == "true")
        #expect(try property("sasl.username", config) == "alice")
        #expect(try property("security.protocol", config) == "sasl_ssl")
        #expect(try setting("tls.skip_verify", config)[0] == "false")
        #expect(try setting("tls.minimum_version", config)[0] == "1.2")
        let newer = try MsgBusConfig(direction: .writer, from: file) {
            var options = TLSOptions()
            options.minimumVersion = .v1_3
            $0.security = .tls(options)
        }
        #expect(try setting("tls.minimum_version", newer)[0] == "1.3")
        let same = try MsgBusConfig(direction: .writer, from: file) { $0.writer.linger = .zero }
        #expect(same.properties["sasl.username"] == "mallory")
        #expect(try property("enable.ssl.certificate.verification", same) == "false")
    }

    // MARK: In one source

    @Test("In one source a property counts more than the key, and the key shows what is in force and whence")
    func sameSource() throws {
        let file = """
            tls: {enabled: true}
            properties: {security.protocol: ssl, linger.ms: 100, acks: "1"}
            writer: {linger: 7ms}
            """
        let config = try configured(file, .writer)
        #expect(try property("queue.buffering.max.ms", config) == "100")
        #expect(try setting("writer.linger", config) == ["100ms", "bus.yaml:2:38"])
        #expect(try setting("writer.acks", config) == ["leader", "bus.yaml:2:54"])
        #expect(try setting("tls.enabled", config) == ["true", "bus.yaml:1:7"])
    }

    @Test("But no property turns off the TLS that a key asks for")
    func noDowngrade() {
        let message = refusal(of: "tls: {enabled: true}\nproperties: {security.protocol: plaintext}", .writer)
        #expect(message.contains("turns off the TLS"), "\(message)")
    }

    @Test("A secret among the properties isn't shown by a key that stands for it")
    func secrets() throws {
        let config = try configured(
            "properties: {ssl.key.password: hunter2, sasl.password: hunter2, ssl.key.pem: hunter2}"
        )
        #expect(try setting("properties.ssl.key.password", config) == ["***", "bus.yaml:1:14"])
        #expect(try !config.effectiveSettings().contains { "\($0)".contains("hunter2") })
    }
}
