import MsgBus
import TestSupport
import Testing

/// The defects that were reproduced in the closest peer. The fourth, a leak, is in ``ProcessTests``.
@Suite("What went wrong elsewhere", .timeLimit(.minutes(5)))
struct PeerDefectTests {
    let broker = try! EmbeddedBroker()
    let topic = unique("peer")

    @Test("A close with messages in flight reports all of them, without running into its timeout (1)")
    func closeInFlight() async throws {
        let writer = try await KafkaWriter.connect(broker.config(topic: topic, direction: .writer))
        let waiting = (0..<100).map { index in immediately { try await writer.write("\(index)") } }
        // Its time is longer than the test's patience.
        let report = await writer.close(timeout: .seconds(300))
        #expect(report.delivered == 100)
        #expect(report.undelivered == 0)
        for task in waiting { _ = try await task.value }
    }

    @Test("A tombstone is a message like any other, both ways and in every form of reading (2)")
    func tombstones() async throws {
        try broker.createTopic(topic)
        let reader = try await KafkaReader.connect(broker.config(topic: topic, direction: .reader))
        let writer = try await KafkaWriter.connect(broker.config(topic: topic, direction: .writer))
        for _ in 0..<4 { try await writer.write(OutgoingMessage(value: nil, key: [1])) }
        #expect(try await reader.read().value == nil)
        #expect(try await onThread { try reader.messageRead() } == "")
        for try await message in reader.messages {
            #expect(message.value == nil)
            break
        }
        let seen = Collected<String>()
        try reader.registerCB { seen.append($0) }
        #expect(await eventually { seen.all == [""] })
    }

    @Test("Cancelling everything leaves nobody waiting, and later calls say what is wrong (3)")
    func cancellation() async throws {
        let writer = try await KafkaWriter.connect(broker.config(topic: topic, direction: .writer))
        broker.close()
        let waiting = (0..<100).map { index in immediately { try await writer.write("\(index)") } }
        for task in waiting { task.cancel() }
        for task in waiting {
            let error = await #expect(throws: MsgBusError.self) { try await task.value }
            #expect(error?.code == .cancelled)
        }
        await writer.close(timeout: .zero)
        let error = await #expect(throws: MsgBusError.self) { try await writer.write("late") }
        #expect(error?.code == .closed)
    }

    @Test("A loop on an actor takes what is there without leaving the actor (5)")
    @MainActor
    func noHops() async throws {
        try broker.createTopic(topic)
        let reader = try await KafkaReader.connect(broker.config(topic: topic, direction: .reader))
        let writer = try await KafkaWriter.connect(broker.config(topic: topic, direction: .writer))
        let results = try await writer.write(contentsOf: (0..<1000).map { "\($0)" })
        for result in results { _ = try result.get() }
        try #require(await eventually { reader.messageAvailable() == 1000 })
        // Another task of this actor runs only if the loop gives the actor up.
        var turns = 0
        let other = Task { @MainActor in
            while !Task.isCancelled {
                turns += 1
                await Task.yield()
            }
        }
        defer { other.cancel() }
        await Task.yield()
        let before = turns
        var count = 0
        for try await _ in reader.messages {
            count += 1
            if count == 1000 { break }
        }
        #expect(turns == before)
    }
}
