import Dispatch
import MsgBus

/// What `msgbus demo` shows: the same topic, read in three ways.
struct DemoTour {
    private let topic = "greetings"

    func run() async throws {
        Self.say("MsgBus: a message bus over Kafka. This tour brings its own brokers.")
        let broker = try EmbeddedBroker(brokers: 3)
        defer { broker.close() }
        try broker.createTopic(topic, partitions: 4)
        Self.say("\n1. Three brokers start inside this process, with the topic \"\(topic)\" of four partitions.")
        for address in broker.bootstrapServers.split(separator: ",") { Self.say("     \(address)") }

        let outgoing = broker.config(topic: topic, direction: .writer)
        let incoming = broker.config(topic: topic, direction: .reader)
        var isAsExpected = try await Blocking.run { try Self.readBlocking(outgoing, incoming) }

        let writer = try await KafkaWriter.connect(outgoing)
        isAsExpected = try await readByCallback(writer, incoming) && isAsExpected
        isAsExpected = try await readBySequence(writer, incoming) && isAsExpected

        Self.say("\n5. Closing: what was written is delivered, and nothing is left running.")
        let report = await writer.close()
        Self.say("     \(report.delivered) messages delivered by the second writer, \(report.undelivered) undelivered")
        guard isAsExpected, report.delivered == 6, report.undelivered == 0 else {
            throw CommandFailure(message: "not every message arrived as it should")
        }
        Self.say("\nEvery message arrived, once and in order. Next: msgbus broker, msgbus write, msgbus read.")
    }

    // MARK: The three ways

    /// The calls of the bus, which block: they are for threads of one's own, and not for tasks.
    private static func readBlocking(_ outgoing: MsgBusConfig, _ incoming: MsgBusConfig) throws -> Bool {
        say("\n2. Blocking, on a thread: connect(config), then messageWrite and messageRead.")
        let reader = try connect(incoming)
        let writer = try connect(outgoing)
        let texts = ["Good morning", "Good day", "Good evening"]
        var seen: [String] = []
        for text in texts {
            try writer.messageWrite(text)
            seen.append(try reader.messageRead())
            say("     written, acknowledged and read: \(seen.last!)")
        }
        try writer.disconnect()
        try reader.disconnect()
        return seen == texts
    }

    private func readByCallback(_ writer: KafkaWriter, _ incoming: MsgBusConfig) async throws -> Bool {
        Self.say("\n3. Callback: reader.onMessage { message in … }, on a queue of the reader's own.")
        let reader = try await KafkaReader.connect(incoming)
        let (messages, inbox) = AsyncStream.makeStream(of: Message.self)
        try reader.onMessage { inbox.yield($0) }
        let texts = ["Guten Morgen", "Guten Tag", "Guten Abend"]
        for text in texts { try await writer.write(text) }
        var seen: [String] = []
        for await message in messages.prefix(texts.count) {
            seen.append(try message.text)
            Self.say("     \(message)  \(try message.text)")
        }
        try await reader.stopCallback()
        await reader.close()
        // Without a key each goes to any partition, and only within one they have an order.
        return seen.sorted() == texts.sorted()
    }

    private func readBySequence(_ writer: KafkaWriter, _ incoming: MsgBusConfig) async throws -> Bool {
        Self.say("\n4. Async sequence: for try await message in reader.messages { … }; equal keys share a partition.")
        let reader = try await KafkaReader.connect(incoming)
        let texts = ["Buongiorno", "Buon pomeriggio", "Buonasera"]
        let results = try await writer.write(contentsOf: texts.map { OutgoingMessage($0, key: "Giulia") })
        for result in results { _ = try result.get() }
        var seen: [String] = []
        for try await message in reader.messages.prefix(texts.count) {
            seen.append(try message.text)
            let key = String(decoding: message.key ?? [], as: UTF8.self)
            Self.say("     \(message)  \(key): \(try message.text)")
        }
        await reader.close()
        return seen == texts
    }

    /// At once, also into a pipe: the tour is to be watched.
    private static func say(_ line: String) { try? Console.write(Array("\(line)\n".utf8)) }
}
