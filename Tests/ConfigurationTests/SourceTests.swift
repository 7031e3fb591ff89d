import Configuration
import MsgBus
import MsgBusConfiguration
import Synchronization
import TestSupport
import Testing

@Suite("Sources of settings", .timeLimit(.minutes(1)))
struct SourceTests {
    // MARK: What counts more

    @Test(
        "The code counts more than the environment, that more than a file, that more than a profile, and that more than the defaults"
    )
    func precedence() throws {
        let file = ConfigurationSource.text(
            """
            profile: throughput
            brokers: file:1
            connect_timeout: 20s
            writer: {linger: 1ms, close_timeout: 3s}
            properties: {client.id: file, client.rack: file}
            """,
            name: "bus.yaml"
        )
        let environment = ConfigurationSource.environment([
            "MSGBUS_BROKERS": "a:1,b:2", "MSGBUS_CONNECT_TIMEOUT": "30s",
            "MSGBUS_PROPERTIES_CLIENT_RACK": "environment", "HOME": "/",
        ])
        let config = try MsgBusConfig(topic: "orders", direction: .writer, from: environment, file) {
            $0.connectTimeout = .seconds(40)
        }
        #expect(config.brokers == ["a:1", "b:2"])
        #expect(config.connectTimeout == .seconds(40))
        #expect(config.writer.linger == .milliseconds(1))
        #expect(config.writer.compression == .lz4)
        #expect(config.writer.deliveryTimeout == .seconds(120))
        #expect(config.properties["client.id"] == "file")
        #expect(config.properties["client.rack"] == "environment")

        let settings = try config.effectiveSettings()
        func source(_ name: String) -> String? { settings.first { $0.name == name }?.source.description }
        #expect(source("connect_timeout") == "code")
        #expect(source("brokers") == "MSGBUS_BROKERS")
        #expect(source("writer.linger") == "bus.yaml:4:10")
        #expect(source("writer.compression") == "bus.yaml:1:1 (profile)")
        #expect(source("writer.delivery_timeout") == "default")
        #expect(source("properties.client.rack") == "MSGBUS_PROPERTIES_CLIENT_RACK")
        #expect(!settings.contains { $0.name.hasPrefix("reader.") || $0.name == "group_id" })
    }

    @Test("What follows from another key has that one's place")
    func implied() throws {
        let text = "tls: {verify_host_name: false}\nreader: {failure: {then: skip}}"
        let settings = try configured(text).effectiveSettings()
        func find(_ name: String) -> [String?] {
            settings.filter { $0.name == name }.flatMap { [$0.value, $0.source.description] }
        }
        #expect(find("tls.enabled") == ["true", "bus.yaml:1:7"])
        #expect(find("tls.verify_host_name") == ["false", "bus.yaml:1:7"])
        #expect(find("reader.failure.then") == ["skip", "bus.yaml:2:20"])
        #expect(find("reader.failure.retries") == ["0", "bus.yaml:2:20"])
        #expect(find("reader.failure.backoff") == ["100ms", "default"])
    }

    @Test("A source that counts more can say it in another way")
    func displaced() throws {
        let file = ConfigurationSource.text("brokers: [file:1]\ntls: {ca_pem: x}", name: "bus.yaml")
        let environment = ConfigurationSource.environment(["MSGBUS_HOST": "other", "MSGBUS_TLS_ENABLED": "false"])
        let config = try MsgBusConfig(topic: "orders", direction: .reader, from: environment, file)
        #expect(config.brokers.isEmpty)
        #expect(config.host == "other")
        #expect(config.security == .plaintext)
    }

    @Test("A writer takes no notice of a shared file's group, and each direction has its own properties")
    func shared() throws {
        let text = """
            group_id: billing
            reader: {properties: {session.timeout.ms: 7000}}
            writer: {properties: {batch.num.messages: 77}}
            """
        let writer = try configured(text, .writer)
        #expect(writer.groupID == nil)
        #expect(writer.properties == ["batch.num.messages": "77"])
        let reader = try configured(text, .reader)
        #expect(reader.groupID == "billing")
        #expect(reader.properties == ["session.timeout.ms": "7000"])
    }

    @Test("A second bus has settings of its own (B-29)")
    func two() async throws {
        let first = try EmbeddedBroker()
        let second = try EmbeddedBroker()
        let variables = [
            "MSGBUS_BROKERS": first.bootstrapServers, "AUDIT_BROKERS": second.bootstrapServers,
            "AUDIT_WRITER_LINGER": "1ms",
        ]
        let one = try MsgBusConfig(topic: "orders", direction: .writer, from: .environment(variables))
        let other = try MsgBusConfig(
            topic: "orders",
            direction: .writer,
            from: .environment(variables, prefix: "AUDIT_")
        )
        #expect(one.writer.linger == .zero)
        #expect(other.writer.linger == .milliseconds(1))
        let writers = (try await KafkaWriter.connect(one), try await KafkaWriter.connect(other))
        try await writers.1.write("to the second")
        var reading = second.config(topic: "orders", direction: .reader)
        reading.reader.startFrom = .earliest
        let reader = try await KafkaReader.connect(reading)
        #expect(try await reader.read().text == "to the second")
        reading.brokers = first.config(topic: "orders", direction: .reader).brokers
        let empty = try await KafkaReader.connect(reading)
        #expect(try await empty.watermarks().values.allSatisfy { $0.lowerBound == $0.upperBound })
    }

    // MARK: The environment

    @Test(
        "A variable that is no setting's is an error, with the one that was meant",
        arguments: [
            ("MSGBUS_BROKER", "MSGBUS_BROKER: there is no such setting; did you mean MSGBUS_BROKERS?"),
            (
                "MSGBUS_WRITER_LINGR",
                "MSGBUS_WRITER_LINGR: there is no such setting; did you mean MSGBUS_WRITER_LINGER?"
            ),
            ("MSGBUS_", "MSGBUS_: there is no such setting"),
            ("MSGBUS_PROPERTIES_", "MSGBUS_PROPERTIES_: there is no such setting"),
            (
                "MSGBUS_SASL_PASSWRD",
                "MSGBUS_SASL_PASSWRD: there is no such setting; did you mean MSGBUS_SASL_PASSWORD?"
            ),
            ("MSGBUS_PORT", "MSGBUS_PORT: port can't be \"hunter2\""),
            ("MSGBUS_CONFIG", "hunter2: there is no such file"),
        ]
    )
    func variables(name: String, expected: String) {
        let error = #expect(throws: MsgBusError.self) {
            try MsgBusConfig(topic: "orders", direction: .reader, from: .environment([name: "hunter2"]))
        }
        #expect(error?.message.hasPrefix(expected) == true, "\(String(describing: error))")
        #expect(expected.contains("hunter2") || error?.message.contains("hunter2") == false)
    }

    @Test("What others set by such names, and empty variables, don't matter")
    func foreign() throws {
        let config = try MsgBusConfig(
            topic: "orders",
            direction: .reader,
            from: .environment([
                "MSGBUS_PORT": "tcp://10.0.0.1:9092", "MSGBUS_SERVICE_HOST": "10.0.0.1", "MSGBUS_SERVICE_PORT": "9092",
                "MSGBUS_SERVICE_PORT_KAFKA": "9092", "MSGBUS_PORT_9092_TCP": "tcp://10.0.0.1:9092",
                "MSGBUS_PORT_9092_TCP_ADDR": "10.0.0.1", "MSGBUS_GROUP_ID": "", "MSGBUS": "x", "OTHER_BROKERS": "x",
            ])
        )
        #expect(config.host == "localhost")
        #expect(config.port == 9092)
        #expect(config.groupID == nil)
    }

    @Test("What Kubernetes sets for a service with a longer name doesn't matter, and without a service it is a typo")
    func services() throws {
        let variables = [
            "MSGBUS_REST_API_PORT": "tcp://10.0.0.1:80", "MSGBUS_REST_API_SERVICE_PORT": "80",
            "MSGBUS_REST_API_SERVICE_PORT_HTTP": "80", "MSGBUS_REST_API_PORT_80_TCP": "tcp://10.0.0.1:80",
            "MSGBUS_REST_API_PORT_80_TCP_PROTO": "tcp",
        ]
        let host = ["MSGBUS_REST_API_SERVICE_HOST": "10.0.0.1"]
        func load(_ variables: [String: String]) throws(MsgBusError) -> MsgBusConfig {
            try MsgBusConfig(topic: "orders", direction: .reader, from: .environment(variables))
        }
        #expect(try load(variables.merging(host) { $1 }).port == 9092)
        for (name, value) in variables {
            #expect(throws: MsgBusError.self, "\(name)") { try load([name: value]) }
        }
        #expect(throws: MsgBusError.self) { try load(host.merging(["MSGBUS_REST_API_PRT": "80"]) { $1 }) }
    }

    @Test("The environment names a file, which counts less than it")
    func file() throws {
        try Folder.with { folder in
            let path = try folder.file("bus.yaml", "group_id: file\nport: 1")
            let variables = ["MSGBUS_CONFIG": path, "MSGBUS_PORT": "2"]
            let config = try MsgBusConfig(topic: "orders", direction: .reader, from: .environment(variables))
            #expect(config.groupID == "file")
            #expect(config.port == 2)
            let without = try MsgBusConfig(
                topic: "orders",
                direction: .reader,
                from: .environment(variables, readsFile: false)
            )
            #expect(without.groupID == nil)
        }
    }

    @Test("A table's entries are variables, too")
    func tables() throws {
        let config = try MsgBusConfig(
            topic: "orders",
            direction: .reader,
            from: .environment([
                "MSGBUS_READER_PARTITIONS_0": "earliest", "MSGBUS_READER_PARTITIONS_2": "last:3",
                "MSGBUS_READER_PROPERTIES_SESSION_TIMEOUT_MS": "7000",
            ])
        )
        #expect(config.reader.partitions == [0: .earliest, 2: .last(3)])
        #expect(config.properties == ["session.timeout.ms": "7000"])
    }

    // MARK: swift-configuration

    @Test("A ConfigReader's values of all types, in the scope that it has")
    func reader() throws {
        let provider = InMemoryProvider(values: [
            "bus.brokers": .init(.stringArray(["a:1", "b:2"]), isSecret: false),
            "bus.groupId": "billing", "bus.port": 9093, "bus.blocking": false,
            "bus.connectTimeout": "30s", "bus.reader.queueBytes": 1024, "bus.reader.startFrom": "earliest",
            "bus.sasl.mechanism": "SCRAM-SHA-512", "bus.sasl.username": "me",
            "bus.sasl.password": .init("hunter2", isSecret: true),
            "bus.properties": .init(.stringArray(["client.rack=eu,1", "client.id=me"]), isSecret: false),
        ])
        let reader = ConfigReader(provider: provider).scoped(to: "bus")
        let config = try MsgBusConfig(topic: "orders", direction: .reader, from: .reader(reader))
        #expect(config.brokers == ["a:1", "b:2"])
        #expect(config.groupID == "billing")
        #expect(config.port == 9093)
        #expect(config.blocking == .nonBlocking)
        #expect(config.connectTimeout == .seconds(30))
        #expect(config.reader.queueBytes == 1024)
        #expect(config.reader.startFrom == .earliest)
        #expect(config.security == .sasl(.scramSHA512(username: "me", password: "hunter2")))
        #expect(config.properties == ["client.rack": "eu,1", "client.id": "me"])
    }

    @Test("A ConfigReader of the environment, with a provider before it that counts more")
    func providers() throws {
        let reader = ConfigReader(providers: [
            InMemoryProvider(values: ["writer.linger": "1ms"]),
            EnvironmentVariablesProvider(environmentVariables: [
                "WRITER_LINGER": "2ms", "WRITER_DELIVERY_TIMEOUT": "9s", "BROKERS": "a:1,b:2", "PORT": "9093",
                "WRITER_IDEMPOTENCE": "true",
            ]),
        ])
        let config = try MsgBusConfig(topic: "orders", direction: .writer, from: .reader(reader))
        #expect(config.writer.linger == .milliseconds(1))
        #expect(config.writer.deliveryTimeout == .seconds(9))
        #expect(config.brokers == ["a:1", "b:2"])
        #expect(config.port == 9093)
        #expect(config.writer.idempotence == true)
    }

    @Test("Passwords and properties are secrets for who reports what a ConfigReader is asked for")
    func reported() throws {
        let reporter = SecretRecorder()
        let provider = InMemoryProvider(values: [
            "port": 9093, "sasl.password": "hunter2",
            "properties": .init(.stringArray(["ssl.key.password=hunter2"]), isSecret: false),
            "reader.properties": "sasl.password=hunter2",
        ])
        let reader = ConfigReader(provider: provider, accessReporter: reporter)
        // What is reported is what is asked for, whether or not it makes sense together.
        _ = try? MsgBusConfig(topic: "orders", direction: .reader, from: .reader(reader))
        #expect(
            reporter.secrets == ["port": false, "sasl.password": true, "properties": true, "reader.properties": true]
        )
    }

    @Test(
        "A ConfigReader's bad values are errors with the key",
        arguments: [
            ("port", "many" as ConfigValue, "configuration key port: port can't be \"many\""),
            ("groupId", 5, "configuration key groupId: group_id can't be \"5\": it has to be a text"),
            ("writer.linger", 1.5, "configuration key writer.linger: writer.linger can't be \"1.5\": it has no unit"),
            (
                "reader.queueMessages", 0,
                "configuration key reader.queueMessages: reader.queue_messages: reader.queueMessages is 0"
            ),
            (
                "sasl.password", "hunter2",
                "configuration key sasl.password: sasl.password: sasl.mechanism has to be set too"
            ),
        ]
    )
    func badReader(key: String, value: ConfigValue, expected: String) {
        let reader = ConfigReader(provider: InMemoryProvider(values: [AbsoluteConfigKey(ConfigKey(key)): value]))
        let error = #expect(throws: MsgBusError.self) {
            try MsgBusConfig(topic: "orders", direction: .reader, from: .reader(reader))
        }
        #expect(error?.message.hasPrefix(expected) == true, "\(String(describing: error))")
    }

    @Test(
        "A ConfigReader's value of a type that no key takes is an error",
        arguments: [
            ("brokers", ConfigContent.intArray([1, 2]), "a list of numbers"),
            ("port", .intArray([1]), "a list of numbers"),
            ("properties", .doubleArray([1.5]), "a list of numbers"),
            ("blocking", .boolArray([true]), "a list of true"),
            ("sasl.password", .bytes(Array("hunter2".utf8)), "bytes"),
            ("groupId", .byteChunkArray([Array("hunter2".utf8)]), "a list of bytes"),
        ]
    )
    func unwanted(key: String, content: ConfigContent, expected: String) {
        let values = [AbsoluteConfigKey(ConfigKey(key)): ConfigValue(content, isSecret: false)]
        let reader = ConfigReader(provider: InMemoryProvider(values: values))
        let error = #expect(throws: MsgBusError.self) {
            try MsgBusConfig(topic: "orders", direction: .reader, from: .reader(reader))
        }
        #expect(error?.message.hasPrefix("configuration key \(key): ") == true, "\(String(describing: error))")
        #expect(error?.message.contains("and is \(expected)") == true)
        #expect(error?.message.contains("hunter2") == false)
    }

    // MARK: Single settings

    @Test("A setting of a command line is told by its option")
    func setting() throws {
        let config = try MsgBusConfig(
            topic: "orders",
            direction: .reader,
            from: .setting("port", "9093", from: "--port"),
            .text("port: 1", name: "bus.yaml")
        )
        #expect(config.port == 9093)
        let error = #expect(throws: MsgBusError.self) {
            try MsgBusConfig(topic: "orders", direction: .reader, from: .setting("port", "x", from: "--port"))
        }
        #expect(error?.message.hasPrefix("--port: port can't be \"x\"") == true)
    }
}

/// Which of the values that were read are reported as secrets.
private final class SecretRecorder: AccessReporter {
    private let state = Mutex<[String: Bool]>([:])

    var secrets: [String: Bool] { state.withLock(\.self) }

    func report(_ event: AccessEvent) {
        guard case .success(let value?) = event.result else { return }
        state.withLock { $0[event.metadata.key.description] = value.isSecret }
    }
}
