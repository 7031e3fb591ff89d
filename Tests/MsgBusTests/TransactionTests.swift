import Synchronization
import TestSupport
import Testing

@testable import MsgBus

/// What can go wrong with transactions, on a cluster that fails on demand. What readers see of them is for a real broker.
@Suite("Transactions", .timeLimit(.minutes(5)))
struct TransactionTests {
    let broker = try! EmbeddedBroker()
    let topic = unique("transactions")

    func writer(_ change: (inout MsgBusConfig) -> Void = { _ in }) async throws -> KafkaWriter {
        try? broker.createTopic(topic)
        var config = broker.config(topic: topic, direction: .writer)
        config.connectTimeout = patience
        config.writer.transactionalID = unique("writer")
        change(&config)
        return try await KafkaWriter.connect(config)
    }

    struct Whim: Error {}

    /// As a caller is told to.
    func retrying(_ body: () async throws -> Void) async throws {
        for _ in 0..<10 {
            do {
                return try await body()
            } catch let error as MsgBusError where error.isRetriable {
                continue
            }
        }
        Issue.record("it didn't work ten times")
    }

    // MARK: Configuration

    @Test("Settings that don't go with transactions are refused before anything is sent")
    func configuration() async throws {
        let changes: [(inout WriterOptions) -> Void] = [
            { $0.transactionalID = " " },
            { $0.transactionalID = "a\0b" },
            { $0.acks = .leader },
            { $0.idempotence = false },
            { $0.transactionTimeout = .milliseconds(999) },
            { $0.transactionTimeout = .seconds(1e19) },
            { $0.linger = .seconds(61) },
        ]
        var configs: [MsgBusConfig] = []
        for change in changes {
            var config = broker.config(topic: topic, direction: .writer)
            config.writer.transactionalID = "writer"
            change(&config.writer)
            configs.append(config)
        }
        for name in ["transactional.id", "transaction.timeout.ms", "isolation.level"] {
            var config = broker.config(topic: topic, direction: .writer)
            config.properties[name] = "1"
            configs.append(config)
        }
        for config in configs {
            let error = await #expect(throws: MsgBusError.self) { try await KafkaWriter.connect(config) }
            #expect(error?.code == .configuration)
        }
        var config = broker.config(topic: topic, direction: .reader)
        config.reader.ackMode = .transactional
        let withoutGroup = config
        config.groupID = "group"
        config.reader.isolation = .readUncommitted
        for config in [withoutGroup, config] {
            let error = await #expect(throws: MsgBusError.self) { try await KafkaReader.connect(config) }
            #expect(error?.code == .configuration)
        }
    }

    @Test("A message may take as long as its transaction at the most, without anything to be set for it")
    func deliveryTimeout() async throws {
        let writer = try await writer { $0.writer.transactionTimeout = .seconds(5) }
        #expect(writer.core.deliveryTimeout == .seconds(5))
        try await writer.transaction { try await $0.write("x") }
        await writer.close()
    }

    // MARK: Misuse

    @Test("Without a transactionalID there are no transactions, and with one nothing else")
    func wrongWriter() async throws {
        let plain = try await writer { $0.writer.transactionalID = nil }
        let none = await #expect(throws: MsgBusError.self) { try await plain.transaction { _ in } }
        #expect(none?.code == .state)
        await plain.close()
        let writer = try await writer()
        let awaited = await #expect(throws: MsgBusError.self) { try await writer.write("x") }
        #expect(awaited?.code == .state)
        #expect(awaited?.persistence == .notPersisted)
        let enqueued = #expect(throws: MsgBusError.self) { try writer.enqueue("x") }
        #expect(enqueued?.code == .state)
        guard case .failure(let batched) = try await writer.write(contentsOf: ["x"])[0] else {
            Issue.record("a batch outside of a transaction was written")
            return
        }
        #expect(batched.code == .state)
        let blocking = await #expect(throws: MsgBusError.self) {
            try await onThread { try (writer as any MsgBusIO).messageWrite("x") }
        }
        #expect(blocking?.code == .state)
        // Nor is the writer's own write part of a transaction that is open.
        try await writer.transaction { transaction in
            let inside = await #expect(throws: MsgBusError.self) { try await writer.write("x") }
            #expect(inside?.code == .state)
            try await transaction.write("y")
        }
        #expect(await writer.close() == CloseReport(delivered: 1, undelivered: 0, abandoned: 0))
        let closed = await #expect(throws: MsgBusError.self) { try await writer.transaction { _ in } }
        #expect(closed?.code == .closed)
    }

    @Test("A transaction that has ended writes nothing")
    func afterTheEnd() async throws {
        let writer = try await writer()
        let ended = try await writer.transaction { $0 }
        let awaited = await #expect(throws: MsgBusError.self) { try await ended.write("x") }
        #expect(awaited?.code == .state)
        let enqueued = #expect(throws: MsgBusError.self) { try ended.enqueue("x") }
        #expect(enqueued?.code == .state)
        try await writer.transaction { _ in
            let other = #expect(throws: MsgBusError.self) { try ended.enqueue("x") }
            #expect(other?.code == .state)
        }
        #expect(await writer.close().delivered == 0)
    }

    @Test(
        "A transaction inside of another one of the same writer is an error, not a deadlock; of another writer it can be"
    )
    func nested() async throws {
        let writer = try await writer()
        let other = try await self.writer()
        try await writer.transaction { transaction in
            try await other.transaction { inner in
                try await inner.write("inner")
                let error = await #expect(throws: MsgBusError.self) { try await writer.transaction { _ in } }
                #expect(error?.code == .state)
            }
            try await transaction.write("outer")
        }
        // A task that was started inside and goes on after the end may have its own.
        let isOver = Shared(false)
        let task = try await writer.transaction { _ in
            Task {
                while !isOver.value { await Task.yield() }
                try await writer.transaction { try await $0.write("next") }
            }
        }
        isOver.set(true)
        _ = try await task.value
        #expect(await writer.close().delivered == 2)
        #expect(await other.close().delivered == 1)
    }

    @Test("A transaction acknowledges only for readers that leave it to transactions")
    func wrongReader() async throws {
        let writer = try await writer()
        try await writer.transaction { try await $0.write("x") }
        var config = broker.config(topic: topic, direction: .reader)
        config.reader.startFrom = .earliest
        let reader = try await KafkaReader.connect(config)
        let message = try await reader.read()
        try await writer.transaction { transaction in
            let error = #expect(throws: MsgBusError.self) { try transaction.acknowledge(message, of: reader) }
            #expect(error?.code == .state)
        }
        await reader.close()
        await writer.close()
    }

    // MARK: Bodies

    @Test("A body that throws aborts; its messages are told of, and are nobody's lost ones")
    func abort() async throws {
        let lost = Collected<UndeliveredMessage>()
        let writer = try await writer {
            // They are still here when the abort comes.
            $0.writer.linger = .seconds(30)
            $0.writer.onUndelivered = { lost.append($0) }
        }
        let waiting = Shared<Task<Delivery, any Error>?>(nil)
        await #expect(throws: Whim.self) {
            try await writer.transaction { transaction in
                for _ in 0..<10 { try transaction.enqueue("x") }
                waiting.set(immediately { try await transaction.write("waited for") })
                #expect(await eventually { writer.core.state.withLock { $0.pending } == 11 })
                throw Whim()
            }
        }
        let error = await #expect(throws: MsgBusError.self) { try await waiting.value?.value }
        #expect(error?.code == .purged)
        #expect(writer.status() == .open)
        try await writer.transaction { try $0.enqueue("y") }
        #expect(await writer.close() == CloseReport(delivered: 1, undelivered: 11, abandoned: 0))
        #expect(lost.count == 0)
        #expect(writer.core.unheard == 0)
    }

    @Test("The body's value and its error come through, of whatever type, in the caller's isolation")
    @MainActor func isolation() async throws {
        final class Unshared { var count = 0 }
        let writer = try await writer()
        let state = Unshared()
        let returned = try await writer.transaction { transaction in
            state.count += 1
            try await transaction.write("x")
            state.count += 1
            return state
        }
        #expect(returned === state)
        #expect(state.count == 2)
        await writer.close()
    }

    @Test("A refused message fails its write and not the transaction; what is too much for the buffer waits for room")
    func refused() async throws {
        let writer = try await writer {
            $0.writer.bufferMessages = 3
            $0.writer.linger = .milliseconds(1)
        }
        try await writer.transaction { transaction in
            let large = OutgoingMessage(value: Array(repeating: 0, count: 1_100_000))
            let error = await #expect(throws: MsgBusError.self) { try await transaction.write(large) }
            #expect(error?.code == .messageTooLarge)
            let batch = await #expect(throws: MsgBusError.self) {
                try await transaction.write(contentsOf: ["a", large])
            }
            #expect(batch?.code == .messageTooLarge)
            let deliveries = try await transaction.write(contentsOf: (0..<50).map { OutgoingMessage("\($0)") })
            #expect(deliveries.count == 50)
        }
        #expect(await writer.close().delivered == 51)
    }

    @Test("The commit waits for what was handed over, also for what waits for room, however long it would linger")
    func commitWaits() async throws {
        let writer = try await writer {
            $0.writer.bufferMessages = 2
            $0.writer.linger = .seconds(30)
        }
        let tasks = Collected<Task<Delivery, any Error>>()
        try await writer.transaction { transaction in
            for index in 0..<7 { tasks.append(immediately { try await transaction.write("\(index)") }) }
            #expect(await eventually { writer.core.state.withLock { $0.pending } == 7 })
        }
        for task in tasks.all { _ = try await task.value }
        #expect(await writer.close().delivered == 7)
    }

    // MARK: Connecting

    @Test("Connecting waits for the coordinator, says what it refuses, and can be cancelled")
    func connecting() async throws {
        try broker.fail(next: 3, .initProducerID, with: .coordinatorLoading)
        let writer = try await writer()
        try await writer.transaction { try await $0.write("x") }
        await writer.close()

        try broker.fail(next: 1, .initProducerID, with: .transactionalIDAuthorizationFailed)
        let refused = await #expect(throws: MsgBusError.self) { try await self.writer() }
        #expect(refused?.isRetriable == false)
        #expect(refused?.message.contains("transactionalID") == true)

        try broker.fail(next: 100_000, .initProducerID, with: .coordinatorLoading)
        let late = await #expect(throws: MsgBusError.self) {
            try await self.writer { $0.connectTimeout = .seconds(1) }
        }
        #expect(late?.isRetriable == true)
        let waiting = immediately { try await self.writer { $0.connectTimeout = hang } }
        waiting.cancel()
        let cancelled = await #expect(throws: MsgBusError.self) { try await waiting.value }
        #expect(cancelled?.code == .cancelled)
    }
}
