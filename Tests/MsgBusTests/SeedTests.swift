import MsgBus
import TestSupport
import Testing

/// What hms-msgbus' own tests demand (H-01 to H-16), here on a real wire.
@Suite("The seed's own tests", .timeLimit(.minutes(5)))
struct SeedTests {
    let broker = try! EmbeddedBroker()

    private func config(_ direction: BusDirection) -> MsgBusConfig {
        broker.config(topic: unique("seed"), direction: direction)
    }

    @Test("A blocking writer connects and writes (H-01, H-02)")
    func blockingWriter() async throws {
        var config = config(.writer)
        config.connectRetries = 2
        try await onThread { [config] in
            let bus = try connect(config)
            try bus.messageWrite("one")
            try bus.disconnect()
        }
    }

    @Test("A non-blocking writer connects, writes and disconnects (H-04)")
    func nonBlockingWriter() async throws {
        var config = config(.writer)
        config.blocking = .nonBlocking
        try await onThread { [config] in
            let bus = try connect(config)
            try bus.messageWrite("one")
            try bus.messageWrite("two")
            try bus.disconnect()
        }
    }

    @Test("A reader sees that a message is available and reads its exact text (H-05, H-06)")
    func blockingReader() async throws {
        let reading = config(.reader)
        var writing = reading
        writing.direction = .writer
        let (reader, writer) = try await onThread { [writing] in (try connect(reading), try connect(writing)) }
        try await onThread { try writer.messageWrite("exactly this – ✓") }
        #expect(await eventually { reader.messageAvailable() == 1 })
        #expect(try await onThread { try reader.messageRead() } == "exactly this – ✓")
        try await onThread {
            try reader.disconnect()
            try writer.disconnect()
        }
    }

    @Test("A callback gets the exact text, and a read beside it is an error (H-07, H-08)")
    func callback() async throws {
        let reading = config(.reader)
        var writing = reading
        writing.direction = .writer
        let (reader, writer) = try await onThread { [writing] in (try connect(reading), try connect(writing)) }
        let seen = Collected<String>()
        try reader.registerCB { seen.append($0) }
        try await onThread { try writer.messageWrite("to the callback") }
        #expect(await eventually { seen.all == ["to the callback"] })
        let error = await #expect(throws: MsgBusError.self) { try await onThread { try reader.messageRead() } }
        #expect(error?.code == .state)
    }

    @Test("A configuration that can't work is refused (H-10, H-11)")
    func badConfigurations() async throws {
        var noTopic = config(.writer)
        noTopic.topic = ""
        let wrongWay = config(.reader)
        for (name, config) in [("no topic", noTopic)] {
            let error = await #expect(throws: MsgBusError.self, "\(name)") {
                try await onThread { try connect(config) }
            }
            #expect(error?.code == .configuration)
        }
        // Technology and direction have no "none" in Swift (H-09, H-11); the wrong class for a direction is the nearest thing.
        let error = await #expect(throws: MsgBusError.self) { try await KafkaWriter.connect(wrongWay) }
        #expect(error?.code == .configuration)
    }

    @Test("A writer doesn't read and a reader doesn't write (H-12 to H-16)")
    func directions() async throws {
        let reading = config(.reader)
        var writing = reading
        writing.direction = .writer
        let (reader, writer) = try await onThread { [writing] in (try connect(reading), try connect(writing)) }
        let calls: [@Sendable () throws -> Void] = [
            { _ = try writer.messageRead() },
            { try writer.registerCB { _ in } },
            { try writer.unregisterCB() },
            { try reader.messageWrite("no") },
        ]
        for call in calls {
            let error = await #expect(throws: MsgBusError.self) { try await onThread(call) }
            #expect(error?.code == .state)
        }
        #expect(writer.messageAvailable() == 0)
    }
}
