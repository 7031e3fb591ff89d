import TestSupport
import Testing

@testable import MsgBus

@Suite("Configuration", .timeLimit(.minutes(5)))
struct ConfigurationTests {
    let broker = try! EmbeddedBroker()

    private func failure(_ change: (inout MsgBusConfig) -> Void) async -> MsgBusError? {
        var config = broker.config(topic: "configuration", direction: .writer)
        change(&config)
        let changed = config
        return await #expect(throws: MsgBusError.self) { try await KafkaWriter.connect(changed) }
    }

    @Test(
        "Addresses in all their forms (B-21)",
        arguments: [
            ("kafka", "kafka:9092"), ("kafka:9093", "kafka:9093"), ("tcp://kafka:1", "kafka:1"),
            ("tcp://kafka", "kafka:9092"),
            ("[::1]:9094", "[::1]:9094"), ("[::1]", "[::1]:9092"), ("::1", "[::1]:9092"),
            ("127.0.0.1:65535", "127.0.0.1:65535"),
            ("a-b.c_d:80", "a-b.c_d:80"), ("fe80::1%eth0", "[fe80::1%eth0]:9092"),
        ]
    )
    func addresses(text: String, expected: String) throws {
        #expect(try BrokerAddress(parsing: text, defaultPort: 9092).description == expected)
    }

    @Test(
        "What is no address is refused, by name",
        arguments: [
            "", " ", ":", ":9092", "kafka:", "kafka:x", "kafka:0", "kafka:65536", "kafka:-1", "kafka:+1", "kafka:9 2",
            "a b:1",
            "http://kafka:1", "tcp://", "[::1", "[::1]x", "[::1]:", "[]:1", "kafka,other", "kafka:99999999999999999999",
            "käfka:1",
        ]
    )
    func badAddresses(text: String) {
        let error = #expect(throws: MsgBusError.self) { try BrokerAddress(parsing: text, defaultPort: 9092) }
        #expect(error?.code == .configuration)
    }

    @Test("A property that doesn't exist is refused, with the one that was meant")
    func unknownProperty() async {
        let error = await failure { $0.properties["lingr.ms"] = "5" }
        #expect(error?.code == .configuration)
        #expect(error?.message.contains("\"lingr.ms\"") == true)
        #expect(error?.message.contains("did you mean \"linger.ms\"") == true)
        let far = await failure { $0.properties["completely.unrelated.thing"] = "5" }
        #expect(far?.message.contains("did you mean") == false)
    }

    @Test("A bad value is refused with the property and the value")
    func badValue() async {
        let error = await failure { $0.properties["linger.ms"] = "soon" }
        #expect(error?.code == .configuration)
        #expect(error?.message.contains("linger.ms") == true)
        #expect(error?.message.contains("soon") == true)
    }

    @Test("A secret is not shown in an error")
    func secrets() async {
        let error = await failure {
            $0.properties["security.protocol"] = "ssl"
            $0.properties["ssl.key.pem"] = "hunter2"
        }
        #expect(error != nil)
        #expect(error?.description.contains("hunter2") == false)
    }

    @Test(
        "What this library owns can't be set behind its back",
        arguments: [
            "group.id", "bootstrap.servers", "enable.auto.commit", "enable.auto.offset.store",
            "delivery.report.only.error", "dr_cb",
            "plugin.library.paths", "log.queue",
        ]
    )
    func owned(name: String) async {
        let error = await failure { $0.properties[name] = "true" }
        #expect(error?.code == .configuration)
        #expect(error?.message.contains("\"\(name)\"") == true)
    }

    @Test("Settings that contradict each other are refused by name")
    func conflicts() async {
        let typed = await failure {
            $0.writer.acks = .leader
            $0.writer.idempotence = true
        }
        #expect(typed?.message.contains("idempotence") == true)
        let named = await failure {
            $0.properties["enable.idempotence"] = "true"
            $0.properties["max.in.flight.requests.per.connection"] = "100"
        }
        #expect(named?.code == .configuration)
        #expect(named?.message.contains("max.in.flight") == true)
        var config = broker.config(topic: "configuration", direction: .reader)
        config.groupID = "group"
        config.properties["max.poll.interval.ms"] = "2000"
        let changed = config
        let impatient = await #expect(throws: MsgBusError.self) { try await KafkaReader.connect(changed) }
        #expect(impatient?.code == .configuration)
        #expect(impatient?.message.contains("max.poll.interval.ms") == true)
    }

    @Test("Fewer acknowledgements, by either name, turn idempotence off instead of failing")
    func fewerAcks() async throws {
        for change in [{ $0.writer.acks = .leader }, { $0.properties["acks"] = "1" }] as [(inout MsgBusConfig) -> Void]
        {
            var config = broker.config(topic: "configuration", direction: .writer)
            change(&config)
            let writer = try await KafkaWriter.connect(config)
            try await writer.write("x")
            await writer.close()
        }
    }

    @Test("A writer in a group is refused: it would be in none")
    func groupOfWriter() async {
        let error = await failure { $0.groupID = "billing" }
        #expect(error?.code == .configuration)
        #expect(error?.message.contains("groupID is \"billing\"") == true)
    }

    @Test("A private reader may acknowledge by hand: nothing is remembered, and what it holds can still be rejected")
    func privateManual() async throws {
        let topic = unique("private")
        try broker.createTopic(topic)
        var config = broker.config(topic: topic, direction: .reader)
        config.reader.ackMode = .manual
        config.reader.startFrom = .earliest
        let writer = try await KafkaWriter.connect(broker.config(topic: topic, direction: .writer))
        _ = try await writer.write(contentsOf: ["0", "1"])
        for _ in 0..<2 {
            let reader = try await KafkaReader.connect(config)
            let first = try await reader.read()
            #expect(try await reader.read().offset == 1)
            try reader.reject(first, because: CancellationError())
            #expect(try await reader.read().offset == 0)
            try reader.acknowledge(first)
            try await reader.commit()
            await reader.close()
        }
        await writer.close()
    }

    @Test("All that needs no broker can be checked without one")
    func validate() throws {
        var config = MsgBusConfig(topic: "t", direction: .writer)
        try config.validate()
        config.properties["lingr.ms"] = "5"
        let changed = config
        let error = #expect(throws: MsgBusError.self) { try changed.validate() }
        #expect(error?.message.contains("did you mean \"linger.ms\"") == true)
        config.properties = [String(repeating: "x", count: 1_000_000): "5"]
        let long = config
        #expect(throws: MsgBusError.self) { try long.validate() }
    }

    @Test("An assignor that this librdkafka can abort with is refused (guide trap 30)")
    func cooperative() async throws {
        var config = broker.config(topic: "configuration", direction: .reader)
        config.groupID = unique("group")
        config.properties["partition.assignment.strategy"] = "cooperative-sticky"
        let reading = config
        if LibraryVersion.isCooperativeSafe {
            await (try await KafkaReader.connect(reading)).close()
        } else {
            let error = await #expect(throws: MsgBusError.self) { try await KafkaReader.connect(reading) }
            #expect(error?.code == .unsupported)
        }
    }

    @Test("The user's properties come last")
    func lastWord() throws {
        var config = broker.config(topic: "t", direction: .writer)
        config.writer.linger = .milliseconds(7)
        config.properties = ["linger.ms": "42", "client.id": "me"]
        let properties = try WriterProperties.make(Connector(config, .writer, .current(), Cancellation()))
        #expect(try properties.effectiveValue(of: "linger.ms") == "42")
        #expect(try properties.effectiveValue(of: "client.id") == "me")
        #expect(try properties.effectiveValue(of: "no.such.name") == nil)
    }

    @Test("The names to choose from are spelled as librdkafka spells them")
    func spelling() {
        #expect(Spelling.nearest(to: "compresion.type", in: ["compression.type", "acks"]) == "compression.type")
        #expect(Spelling.nearest(to: "acks", in: ["acks"]) == "acks")
        #expect(Spelling.nearest(to: "x", in: []) == nil)
    }

    @Test(
        "Durations become whole milliseconds, never zero unless they are, and never overflow",
        arguments: [
            (Duration.zero, 0), (.nanoseconds(1), 1), (.milliseconds(5), 5), (.seconds(2), 2000),
            (.microseconds(1001), 2),
            (.seconds(Int64.max), Int(Int32.max)), (.seconds(3_000_000), Int(Int32.max)),
        ]
    )
    func milliseconds(duration: Duration, expected: Int) {
        #expect(duration.milliseconds == expected)
    }
}

@Suite("Errors", .timeLimit(.minutes(5)))
struct ErrorTests {
    @Test("An error says where it happened and nothing of what was in the message")
    func description() {
        var error = MsgBusError(.timeout, "too late", topic: "orders", partition: 3, offset: 7)
        error.kafkaName = "_MSG_TIMED_OUT"
        #expect(error.description == "timeout: too late (_MSG_TIMED_OUT) [orders/3@7]")
        #expect(
            OutgoingMessage("secret", key: "also").description == "message(value: 6 bytes, key: 4 bytes, headers: 0)"
        )
        #expect(OutgoingMessage(value: nil).description == "message(value: none, key: none, headers: 0)")
    }

    @Test("Statuses begin with their case's name")
    func statuses() {
        #expect(BusStatus.open.description == "open")
        #expect(BusStatus.closed.description == "closed")
        #expect(BusStatus.failed(MsgBusError(.fatal, "x")).description.hasPrefix("failed"))
        #expect(BusStatus.disconnected(since: .now).description.hasPrefix("disconnected"))
    }
}
