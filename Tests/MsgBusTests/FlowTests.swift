import MsgBus
import TestSupport
import Testing

/// Pausing and seeking, at times when it is hard.
@Suite("Pausing and seeking", .timeLimit(.minutes(5)))
struct FlowTests {
    private struct Failure: Error {}

    let broker = try! EmbeddedBroker()
    let topic = unique("flow")

    private func connect(
        partitions: Int = 1,
        isGroup: Bool = false,
        _ change: (inout MsgBusConfig) -> Void = { _ in }
    ) async throws -> KafkaReader {
        try? broker.createTopic(topic, partitions: partitions)
        var config = broker.config(topic: topic, direction: .reader)
        config.connectTimeout = patience
        config.reader.startFrom = .earliest
        if isGroup { config.groupID = unique("group") }
        change(&config)
        return try await KafkaReader.connect(config)
    }

    private func write(_ count: Int, partitions: Int = 1, to name: String? = nil) async throws {
        let writer = try await KafkaWriter.connect(broker.config(topic: name ?? topic, direction: .writer))
        let messages = (0..<count).map { OutgoingMessage("\($0)", partition: $0 % partitions) }
        for result in try await writer.write(contentsOf: messages) { _ = try result.get() }
        await writer.close()
    }

    /// Pauses and resumes all the while.
    private func toggle(_ reader: KafkaReader, partitions: Int, until isOver: Shared<Bool>) -> Task<Void, Never> {
        let topic = topic
        return Task {
            while !isOver.value {
                let partition = [TopicPartition(topic: topic, partition: Int.random(in: 0..<partitions))]
                try? reader.pause(partition)
                await Task.yield()
                try? reader.resume(partition)
                // Lets others have the reader, too.
                try? await Task.sleep(for: .microseconds(Int.random(in: 0..<500)))
            }
        }
    }

    // MARK: Pausing

    @Test("Pausing before anything was taken loses nothing", arguments: [false, true])
    func pauseFirst(hasMessages: Bool) async throws {
        try broker.createTopic(topic)
        try await write(2000)
        for round in 0..<10 {
            try broker.setRoundTripTime(.milliseconds(round))
            let reader = try await connect()
            if hasMessages { #expect(await eventually { reader.messageAvailable() > 0 }) }
            try reader.pause()
            #expect(try await reader.read(timeout: .milliseconds(20)) == nil)
            try reader.resume()
            #expect(try await reader.read(timeout: patience)?.offset == 0)
            await reader.close()
        }
    }

    @Test(
        "A group that is paused before anything was taken skips nothing, however busy it is",
        arguments: [true, false]
    )
    func pauseBusy(isGroup: Bool) async throws {
        try broker.createTopic(topic)
        try await write(500)
        try broker.setRoundTripTime(.milliseconds(50))
        let reader = try await connect(isGroup: isGroup)
        let asking = (0..<8).map { _ in Task { _ = try? await reader.watermarks() } }
        try reader.pause()
        for task in asking { await task.value }
        #expect(try await reader.read(timeout: .milliseconds(100)) == nil)
        try broker.clearFaults()
        try reader.resume()
        #expect(try await reader.read(timeout: patience)?.offset == 0)
        if isGroup {
            try await reader.commit()
            #expect(try #require(try await reader.committed().values.first) <= 1)
        }
        await reader.close()
    }

    @Test("A topic that was paused, left and subscribed to again flows")
    func pausedAndLeft() async throws {
        let other = "\(topic)-other"
        try broker.createTopic(other)
        let reader = try await connect()
        try await reader.subscribe(to: [other])
        try reader.pause([TopicPartition(topic: other, partition: 0)])
        try await reader.unsubscribe(from: [other])
        try await reader.subscribe(to: [other])
        try await write(1, to: other)
        #expect(try await reader.read(timeout: patience)?.topic == other)
        await reader.close()
    }

    @Test("Whoever pauses and resumes all the while gets each message once and in order", arguments: [false, true])
    func pausing(isGroup: Bool) async throws {
        let count = 8000
        let reader = try await connect(partitions: 4, isGroup: isGroup)
        try await write(count, partitions: 4)
        let isOver = Shared(false)
        let toggling = (0..<2).map { _ in toggle(reader, partitions: 4, until: isOver) }
        var next = Array(repeating: Int64(0), count: 4)
        while next.reduce(0, +) < count {
            let batch = try await reader.readBatch(upTo: 50, within: patience)
            try #require(!batch.isEmpty, "nothing comes at \(next)")
            for message in batch {
                try #require(message.offset == next[message.partition])
                next[message.partition] += 1
            }
        }
        isOver.set(true)
        for task in toggling { await task.value }
        await reader.close()
    }

    @Test(
        "So does a callback that fails now and then, whose partitions wait and are paused meanwhile",
        arguments: [false, true]
    )
    func failing(isGroup: Bool) async throws {
        let count = 2000
        let reader = try await connect(partitions: 4, isGroup: isGroup) {
            $0.reader.failurePolicy = .retry(
                1000,
                backoff: .milliseconds(1),
                maxBackoff: .milliseconds(2),
                then: .stop
            )
        }
        let next = Shared(Array(repeating: Int64(0), count: 4))
        let wrong = Collected<String>()
        try reader.onMessage { message in
            if Int.random(in: 0..<50) == 0 { throw Failure() }
            next.withLock { next in
                if message.offset != next[message.partition] {
                    wrong.append("\(message.topicPartition)@\(message.offset)")
                }
                next[message.partition] = message.offset + 1
            }
        }
        let isOver = Shared(false)
        let toggling = toggle(reader, partitions: 4, until: isOver)
        try await write(count, partitions: 4)
        #expect(await eventually(within: hang) { next.value.reduce(0, +) >= count })
        isOver.set(true)
        await toggling.value
        #expect(wrong.all.isEmpty)
        await reader.close()
    }

    // MARK: Seeking

    @Test("To name a partition twice in a seek is to name it once")
    func seekTwice() async throws {
        let reader = try await connect()
        try await write(3)
        for _ in 0..<3 { #expect(try await reader.read(timeout: patience) != nil) }
        let partition = TopicPartition(topic: topic, partition: 0)
        try await reader.seek(to: .beginning, partitions: [partition, partition])
        #expect(try await reader.read(timeout: patience)?.offset == 0)
        await reader.close()
    }

    @Test(
        "After a seek the next message is the one there, while others pause, resume and ask",
        arguments: [false, true]
    )
    func seeking(isGroup: Bool) async throws {
        let reader = try await connect(partitions: 2, isGroup: isGroup)
        try await write(2000, partitions: 2)
        let isOver = Shared(false)
        let toggling = toggle(reader, partitions: 2, until: isOver)
        let asking = Task {
            while !isOver.value {
                _ = try? await reader.position()
                _ = try? await reader.lag()
            }
        }
        for _ in 0..<30 {
            let partition = Int.random(in: 0..<2)
            let offset = Int64.random(in: 0..<990)
            try await reader.seek(to: .offset(offset, partition: partition))
            var message = try #require(try await reader.read(timeout: patience))
            while message.partition != partition { message = try #require(try await reader.read(timeout: patience)) }
            #expect(message.offset == offset)
        }
        isOver.set(true)
        await toggling.value
        await asking.value
        await reader.close()
    }

    @Test("After a seek to an offset that doesn't exist, a group commits what is read from there")
    func beyondTheEnd() async throws {
        let reader = try await connect(isGroup: true) { $0.reader.ackMode = .manual }
        try await write(5)
        try await reader.seek(to: .offset(1000, partition: 0))
        try await reader.commit()
        for offset in Int64(0)..<5 {
            let message = try #require(try await reader.read(timeout: patience))
            #expect(message.offset == offset)
            try reader.acknowledge(message)
        }
        try await reader.commit()
        #expect(try await reader.committed().values.first == 5)
        await reader.close()
    }

    @Test("A call that asks the cluster is answered by its time, however many others ask one that is silent")
    func timeLimits() async throws {
        let reader = try await connect(isGroup: true)
        try broker.setDown()
        let answered = Shared(0)
        let asking = (0..<40).map { _ in
            Task {
                _ = try? await reader.watermarks(timeout: .seconds(1))
                answered.withLock { $0 += 1 }
            }
        }
        // One after another they would take 40 seconds.
        #expect(await eventually(within: .seconds(20)) { answered.value == 40 })
        for task in asking { await task.value }
        await reader.close(timeout: .seconds(1))
    }
}
