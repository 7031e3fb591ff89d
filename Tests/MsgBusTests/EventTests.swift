import MsgBus
import TestSupport
import Testing

@Suite("Events", .timeLimit(.minutes(5)))
struct EventTests {
    let broker = try! EmbeddedBroker()
    let topic = unique("events")

    /// Gathers a connection's events as lines, until it ends.
    private func record(_ events: BusEvents) -> (lines: Collected<String>, end: Task<Void, Never>) {
        let lines = Collected<String>()
        return (lines, Task { for await event in events { lines.append("\(event)") } })
    }

    @Test("A reader tells of its partitions, of the end of them, and of its close")
    func reader() async throws {
        try broker.createTopic(topic, partitions: 2)
        let reader = try await KafkaReader.connect(broker.config(topic: topic, direction: .reader))
        let (lines, end) = record(reader.events)
        let writer = try await KafkaWriter.connect(broker.config(topic: topic, direction: .writer))
        #expect(
            await eventually {
                let ends = lines.all.dropFirst().joined()
                return ends.contains("\(topic)/0") && ends.contains("\(topic)/1")
            }
        )
        // Those of before anyone listened, too.
        #expect(lines.all.first == "assigned: \(topic)/0, \(topic)/1")
        #expect(lines.all.dropFirst().allSatisfy { $0.hasPrefix("caughtUp: ") })
        let before = lines.count
        try await writer.write(OutgoingMessage("1", partition: 1))
        #expect(await eventually { reader.messageAvailable() == 1 })
        #expect(lines.count == before)
        _ = try await reader.read()
        #expect(await eventually { lines.all.dropFirst(before).contains("caughtUp: \(topic)/1") })
        await reader.close()
        await end.value
        #expect(lines.all.last == "status: closed")
        // Who asks later hears that there is nothing more.
        for await _ in reader.events { Issue.record("an event after the close") }
        await writer.close()
    }

    @Test("Brokers that go away and come back are told of, to writers and readers (B-14)")
    func brokers() async throws {
        try broker.createTopic(topic)
        let reader = try await KafkaReader.connect(broker.config(topic: topic, direction: .reader))
        let writer = try await KafkaWriter.connect(broker.config(topic: topic, direction: .writer))
        let recorders = [record(reader.events), record(writer.events)]
        try broker.setDown()
        for (lines, _) in recorders {
            #expect(await eventually { lines.all.contains { $0.hasPrefix("status: disconnected for ") } })
        }
        try broker.setUp()
        for (lines, _) in recorders { #expect(await eventually { lines.all.contains("status: open") }) }
        try await writer.write("all is well")
        #expect(try await reader.read().text == "all is well")
        await reader.close()
        await writer.close()
        for (lines, end) in recorders {
            await end.value
            #expect(lines.all.last == "status: closed")
        }
    }

    @Test("Everyone who listens hears everything, and holds nothing open")
    func listeners() async throws {
        let writer = try await KafkaWriter.connect(broker.config(topic: topic, direction: .writer))
        let recorders = (0..<5).map { _ in record(writer.events) }
        let cancelled = Task { for await _ in writer.events {} }
        cancelled.cancel()
        await cancelled.value
        await writer.close()
        for (lines, end) in recorders {
            await end.value
            #expect(lines.all == ["status: closed"])
        }
    }

    @Test("An application that takes nothing for too long is told of, once, and is still in its group")
    func stalled() async throws {
        try broker.createTopic(topic)
        var config = broker.config(topic: topic, direction: .reader)
        config.groupID = unique("group")
        config.connectTimeout = patience
        config.properties["max.poll.interval.ms"] = "3000"
        let reader = try await KafkaReader.connect(config)
        let (lines, end) = record(reader.events)
        let writer = try await KafkaWriter.connect(broker.config(topic: topic, direction: .writer))
        for index in 0..<3 { try await writer.write("\(index)") }
        #expect(await eventually { lines.all.contains("stalled for 3.0 seconds") })
        for index in 0..<3 { #expect(try await reader.read().text == "\(index)") }
        try await reader.commit()
        #expect(reader.status() == .open)
        await reader.close()
        await end.value
        #expect(lines.all.filter { $0.hasPrefix("stalled") }.count == 1)
        #expect(!lines.all.contains { $0.hasPrefix("lost") || $0.hasPrefix("revoked") })
        await writer.close()
    }
}
