import MsgBus
import TestSupport
import Testing

/// Topics that come and go while a reader reads.
@Suite("Subscribing while reading", .timeLimit(.minutes(5)))
struct SubscriptionTests {
    private let base = unique("subscribing")

    private func topic(_ name: String) -> String { "\(base)-\(name)" }

    private func reader(
        _ broker: TestBroker,
        _ topic: String,
        _ group: String?,
        _ change: (inout MsgBusConfig) -> Void = { _ in }
    ) async throws -> KafkaReader {
        var config = try broker.config(topic: topic, direction: .reader)
        config.groupID = group
        config.connectTimeout = patience
        change(&config)
        return try await KafkaReader.connect(config)
    }

    private func write(_ broker: TestBroker, _ name: String, _ text: String) async throws {
        let writer = try await KafkaWriter.connect(try broker.config(topic: topic(name), direction: .writer))
        try await writer.write(text)
        await writer.close()
    }

    /// Reads until that message comes; a rebalance may bring back what was in hand before.
    private func reads(_ text: String, _ reader: KafkaReader, again: Set<String> = []) async throws -> Bool {
        while let next = try await reader.read(timeout: patience)?.text {
            if next == text { return true }
            guard again.contains(next) else { return false }
        }
        return false
    }

    @Test(
        "A new topic is read from when subscribing returned, and not after it was left (B-16)",
        arguments: TestBroker.usable,
        [true, false]
    )
    func subscribe(broker: TestBroker, isGroup: Bool) async throws {
        for name in ["a", "b"] { try await broker.createTopic(topic(name)) }
        let reader = try await reader(broker, topic("a"), isGroup ? unique("group") : nil)
        try await write(broker, "b", "before")
        try await reader.subscribe(to: [topic("b")])
        #expect(reader.subscription == [topic("a"), topic("b")])
        #expect(reader.assignment.map(\.topic) == [topic("a"), topic("b")])
        try await write(broker, "b", "to b")
        #expect(try await reads("to b", reader))
        try await write(broker, "a", "to a")
        #expect(try await reads("to a", reader))
        let again: Set = isGroup ? ["to a", "again"] : []
        try await reader.unsubscribe(from: [topic("a")])
        #expect(reader.assignment.map(\.topic) == [topic("b")])
        try await write(broker, "a", "to nobody")
        try await write(broker, "b", "again")
        #expect(try await reads("again", reader, again: again))
        // And back: a private reader begins at the end again, a group where it was.
        try await reader.subscribe(to: [topic("a")])
        if isGroup { #expect(try await reads("to nobody", reader, again: again)) }
        try await write(broker, "a", "back")
        #expect(try await reads("back", reader, again: again))
        await reader.close()
    }

    @Test("What can't be subscribed to, or left, is a clear error", arguments: TestBroker.usable)
    func errors(broker: TestBroker) async throws {
        try await broker.createTopic(topic("a"))
        let reader = try await reader(broker, topic("a"), nil)
        let cases: [(MsgBusError.Code, @Sendable () async throws -> Void)] = [
            (.configuration, { try await reader.subscribe(to: ["a topic"]) }),
            (.configuration, { try await reader.subscribe(to: ["^(unfinished"]) }),
            (.state, { try await reader.unsubscribe(from: ["another"]) }),
            (.state, { try await reader.unsubscribe(from: reader.subscription) }),
        ]
        // The embedded broker makes every topic that is asked for.
        if broker == .ownProcess {
            let missing = topic("missing")
            let error = await #expect(throws: MsgBusError.self) { try await reader.subscribe(to: [missing]) }
            #expect(error?.code == .unknownTopic)
        }
        for (code, call) in cases {
            let error = await #expect(throws: MsgBusError.self) { try await call() }
            #expect(error?.code == code)
        }
        try await write(broker, "a", "still there")
        #expect(try await reader.read().text == "still there")
        await reader.close()
        let closed = await #expect(throws: MsgBusError.self) { try await reader.subscribe(to: ["b"]) }
        #expect(closed?.code == .closed)
    }

    @Test("A pattern reads all topics that match, those to come included", arguments: TestBroker.usable, [true, false])
    func pattern(broker: TestBroker, isGroup: Bool) async throws {
        for name in ["a", "b"] { try await broker.createTopic(topic(name)) }
        try await broker.createTopic("other-\(base)")
        let reader = try await reader(broker, "^\(base)-[a-y]$", isGroup ? unique("group") : nil) {
            $0.reader.partitionDiscoveryInterval = .milliseconds(200)
        }
        #expect(reader.assignment.map(\.topic) == [topic("a"), topic("b")])
        try await write(broker, "b", "to b")
        #expect(try await reads("to b", reader))
        for name in ["c", "z"] {
            try await broker.createTopic(topic(name))
            try await write(broker, name, "to \(name)")
        }
        #expect(try await reads("to c", reader, again: ["to b"]))
        #expect(reader.assignment.map(\.topic) == [topic("a"), topic("b"), topic("c")])
        await reader.close()
    }

    @Test("Two readers of one topic don't disturb each other, and a callback can leave topics (B-16)")
    func callback() async throws {
        let broker = TestBroker.embedded
        for name in ["a", "b"] { try await broker.createTopic(topic(name)) }
        let first = try await reader(broker, topic("a"), nil)
        let second = try await reader(broker, topic("a"), nil)
        try await first.subscribe(to: [topic("b")])
        let seen = Collected<String>()
        let leave = topic("a")
        try first.onMessage { message in
            seen.append(try message.text)
            guard seen.count == 1 else { return }
            Task { try await first.unsubscribe(from: [leave]) }
        }
        try await write(broker, "a", "1")
        #expect(await eventually { first.subscription == [topic("b")] })
        try await write(broker, "a", "2")
        try await write(broker, "b", "3")
        #expect(await eventually { seen.all == ["1", "3"] })
        #expect(try await second.read().text == "1")
        #expect(try await second.read().text == "2")
        for reader in [first, second] { await reader.close() }
    }
}
