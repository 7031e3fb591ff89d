import Dispatch
import MsgBus
import TestSupport
import Testing

/// A message that was rejected has to come again, whatever the reader was just at: nobody finishes it by coming back for more.
@Suite("Rejected messages aren't lost", .timeLimit(.minutes(5)))
struct RejectedTests {
    let broker = try! EmbeddedBroker()
    let topic = unique("rejected")

    private struct Bad: Error {}

    /// A topic of three messages, and the configuration of a group's reader.
    private func group() async throws -> MsgBusConfig {
        try broker.createTopic(topic, partitions: 1)
        let writer = try await KafkaWriter.connect(broker.config(topic: topic, direction: .writer))
        for index in 0..<3 { try await writer.write("\(index)") }
        await writer.close()
        var config = broker.config(topic: topic, direction: .reader)
        config.reader.startFrom = .earliest
        config.groupID = unique("group")
        config.connectTimeout = patience
        return config
    }

    /// What the group's next reader gets first.
    private func next(_ config: MsgBusConfig) async throws -> Int64? {
        let reader = try await KafkaReader.connect(config)
        defer { Task { await reader.close() } }
        return try await reader.read(timeout: patience)?.offset
    }

    /// Has `onRevoke` say that it runs, and wait.
    private func holdRevoke(_ config: MsgBusConfig, _ revoking: Gate, _ going: Gate) -> MsgBusConfig {
        var config = config
        config.reader.onRevoke = { _ in
            revoking.open()
            try? await onThread { going.wait() }
        }
        return config
    }

    @Test("A message whose failure stops the reader comes again in the group")
    func stop() async throws {
        let config = try await group()
        var failing = config
        failing.reader.failurePolicy = .stop
        let reader = try await KafkaReader.connect(failing)
        let first = try await reader.read()
        try reader.reject(first, because: Bad())
        await #expect(throws: MsgBusError.self) { try await reader.read() }
        await reader.close()
        #expect(try await next(config) == 0)
    }

    @Test("One rejected in a loop isn't finished by the loop's end in a close")
    func loopAndClose() async throws {
        let config = try await group()
        let (revoking, going) = (Gate(), Gate())
        let reader = try await KafkaReader.connect(holdRevoke(config, revoking, going))
        var loop = reader.messages.makeAsyncIterator()
        let message = try #require(try await loop.next())
        try reader.reject(message, because: Bad())
        let closing = Task { await reader.close() }
        try await onThread { revoking.wait() }
        #expect(try await loop.next() == nil)
        going.open()
        await closing.value
        #expect(try await next(config) == 0)
    }

    @Test("One rejected isn't finished by reading on while the group takes its partition back")
    func rebalance() async throws {
        let config = try await group()
        let (revoking, going) = (Gate(), Gate())
        let first = try await KafkaReader.connect(holdRevoke(config, revoking, going))
        let message = try await first.read()
        try first.reject(message, because: Bad())
        let joining = Task { try await KafkaReader.connect(config) }
        try await onThread { revoking.wait() }
        _ = try await first.read(timeout: .milliseconds(50))
        going.open()
        let second = try await joining.value
        // One of the two has the partition now.
        let offsets = Collected<Int64>()
        let readers = [first, second].map { reader in
            Task { for try await message in reader.messages { offsets.append(message.offset) } }
        }
        #expect(await eventually { offsets.all.contains(0) })
        for reader in [first, second] { await reader.close() }
        for reader in readers { try await reader.value }
    }

    @Test("One that was kept detached and rejected is lent like any other")
    func detached() async throws {
        let reader = try await KafkaReader.connect(try await group())
        let first = try await reader.read().detached()
        try reader.reject(first, because: Bad())
        #expect(await eventually { reader.messageAvailable() == 3 })
        let texts = try await reader.withBatch(upTo: 10, within: patience) { batch in
            var texts: [String] = []
            for index in batch.indices {
                check(batch[index].offset == Int64(index) && batch[index].key == nil)
                texts.append(batch[index].value!.withUnsafeBytes { String(decoding: $0, as: UTF8.self) })
            }
            return texts
        }
        #expect(texts == ["0", "1", "2"])
        await reader.close()
    }
}
