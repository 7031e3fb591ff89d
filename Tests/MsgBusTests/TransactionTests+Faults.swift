import Synchronization
import TestSupport
import Testing

@testable import MsgBus

// What becomes of transactions when the cluster fails.
extension TransactionTests {
    // MARK: Failures of the cluster

    @Test(
        "What passes by itself doesn't show",
        arguments: [
            (EmbeddedBroker.Request.endTransaction, EmbeddedBroker.Fault.coordinatorLoading),
            (.endTransaction, .notCoordinator), (.endTransaction, .concurrentTransactions),
            (.endTransaction, .connectionBreaks), (.addPartitionsToTransaction, .concurrentTransactions),
            (.addPartitionsToTransaction, .coordinatorNotAvailable), (.produce, .notLeaderForPartition),
            (.produce, .connectionBreaks),
        ]
    )
    func passing(request: EmbeddedBroker.Request, fault: EmbeddedBroker.Fault) async throws {
        let writer = try await writer()
        try await writer.transaction { try await $0.write("before") }
        try broker.fail(next: 2, request, with: fault)
        try await writer.transaction { try await $0.write("x") }
        try broker.fail(next: 2, request, with: fault)
        await #expect(throws: Whim.self) {
            try await writer.transaction { transaction in
                try await transaction.write("x")
                throw Whim()
            }
        }
        try await writer.transaction { try await $0.write("after") }
        #expect(await eventually { writer.status() == .open })
        #expect(await writer.close().delivered == 3)
    }

    @Test(
        "What only an abort helps against: it is aborted, the error says why, and the next transaction goes",
        arguments: [
            (EmbeddedBroker.Request.addPartitionsToTransaction, EmbeddedBroker.Fault.topicAuthorizationFailed, false),
            (.produce, .invalidRecord, false), (.produce, .messageTooLarge, false),
            (.endTransaction, .unknownProducer, true), (.endTransaction, .unknown, true),
        ]
    )
    func abortable(request: EmbeddedBroker.Request, fault: EmbeddedBroker.Fault, isRetriable: Bool) async throws {
        let writer = try await writer()
        try await writer.transaction { try await $0.write("before") }
        for swallows in [false, true] {
            try broker.fail(next: 1, request, with: fault)
            let error = await #expect(throws: MsgBusError.self) {
                try await writer.transaction { transaction in
                    if swallows { try transaction.enqueue("x") } else { try await transaction.write("x") }
                }
            }
            #expect(error?.code == .transactionAbortable, "\(String(describing: error))")
            #expect(error?.persistence == .notPersisted)
            #expect(error?.kafkaName != nil)
            #expect(error?.isRetriable == isRetriable)
            try broker.clearFaults()
        }
        try await retrying { _ = try await writer.transaction { try await $0.write("after") } }
        #expect(writer.status() == .open)
        #expect(await writer.close().delivered == 2)
        #expect(writer.core.unheard == 0)
    }

    @Test(
        "What ends the writer: fenced or fatal, also for its status, whoever waits for a turn, and all later ones",
        arguments: [
            (EmbeddedBroker.Request.endTransaction, EmbeddedBroker.Fault.producerFenced, MsgBusError.Code.fenced),
            (.endTransaction, .invalidProducerEpoch, .fenced),
            (.endTransaction, .transactionalIDAuthorizationFailed, .fatal),
            (.addPartitionsToTransaction, .producerFenced, .fenced),
        ]
    )
    func ending(request: EmbeddedBroker.Request, fault: EmbeddedBroker.Fault, code: MsgBusError.Code) async throws {
        let writer = try await writer()
        try await writer.transaction { try await $0.write("before") }
        try broker.fail(next: 1, request, with: fault)
        let isInside = Shared(false)
        let isQueued = Shared(false)
        let first = Task {
            try await writer.transaction { transaction in
                isInside.set(true)
                while !isQueued.value { await Task.yield() }
                try await transaction.write("x")
            }
        }
        #expect(await eventually { isInside.value })
        let second = immediately { try await writer.transaction { _ in } }
        isQueued.set(true)
        for task in [first, second] {
            let error = await #expect(throws: MsgBusError.self) { try await task.value }
            #expect(error?.code == code, "\(String(describing: error))")
            #expect(error?.isFatal == true)
        }
        if case .failed(let error) = writer.status() {
            #expect(error.code == code)
        } else {
            Issue.record("the status is \(writer.status())")
        }
        let error = await #expect(throws: MsgBusError.self) { try await writer.transaction { _ in } }
        #expect(error?.code == code)
        await writer.close(timeout: hang)
    }

    @Test("A body's own error comes through even if the writer is fenced meanwhile, which the status then says")
    func ownErrorOfFenced() async throws {
        let writer = try await writer()
        try broker.fail(next: 1, .endTransaction, with: .producerFenced)
        await #expect(throws: Whim.self) {
            try await writer.transaction { transaction in
                try await transaction.write("x")
                throw Whim()
            }
        }
        if case .failed(let error) = writer.status() {
            #expect(error.code == .fenced)
        } else {
            Issue.record("the status is \(writer.status())")
        }
        await writer.close(timeout: hang)
    }

    @Test("A commit without an answer in time is in doubt, and settled by the next transaction")
    func inDoubt() async throws {
        let writer = try await writer { $0.writer.transactionTimeout = .seconds(2) }
        try await writer.transaction { try await $0.write("before") }
        let error = await #expect(throws: MsgBusError.self) {
            try await writer.transaction { transaction in
                try await transaction.write("x")
                try broker.setDown()
            }
        }
        #expect(error?.code == .timeout)
        #expect(error?.persistence == .possiblyPersisted)
        #expect(error?.isRetriable == false)
        let unsettled = await #expect(throws: MsgBusError.self) { try await writer.transaction { _ in } }
        #expect(unsettled?.code == .timeout)
        #expect(unsettled?.isRetriable == true)
        let next = immediately { try await writer.transaction { try await $0.write("after") } }
        try broker.setUp()
        _ = try await next.value
        #expect(await writer.close().delivered == 3)
    }

    /// A reader of a topic with these messages, whose group begins with the first.
    private func transactionalReader(of texts: [String]) async throws -> KafkaReader {
        let input = unique("input")
        try broker.createTopic(input)
        let source = try await KafkaWriter.connect(broker.config(topic: input, direction: .writer))
        for text in texts { try await source.write(OutgoingMessage(text)) }
        await source.close()
        var config = broker.config(topic: input, direction: .reader)
        config.connectTimeout = patience
        config.groupID = unique("group")
        config.reader.startFrom = .earliest
        config.reader.ackMode = .transactional
        return try await KafkaReader.connect(config)
    }

    @Test("Offsets that the group refuses abort the transaction; it can be run again with the same messages")
    func offsets() async throws {
        let reader = try await transactionalReader(of: ["1"])
        let message = try await reader.read()
        let writer = try await writer()
        func run() async throws {
            try await writer.transaction { transaction in
                try await transaction.write("x")
                try transaction.acknowledge(message, of: reader)
            }
        }
        for (request, fault) in [
            (EmbeddedBroker.Request.transactionalOffsetCommit, EmbeddedBroker.Fault.illegalGeneration),
            (.transactionalOffsetCommit, .unknownMember), (.addOffsetsToTransaction, .unknown),
        ] {
            try broker.fail(next: 1, request, with: fault)
            let error = await #expect(throws: MsgBusError.self) { try await run() }
            #expect(error?.code == .transactionAbortable)
            #expect(error?.isRetriable == true)
        }
        try broker.fail(next: 2, .addOffsetsToTransaction, with: .coordinatorLoading)
        try broker.fail(next: 2, .transactionalOffsetCommit, with: .coordinatorNotAvailable)
        try await run()
        // Done is done.
        let twice = await #expect(throws: MsgBusError.self) { try await run() }
        #expect(twice?.code == .state)
        #expect(await writer.close().delivered == 1)
        await reader.close()
    }

    @Test("After a writer of a read-process-write loop was fenced, the next one goes on with the same messages")
    func processFenced() async throws {
        let reader = try await transactionalReader(of: ["0", "1", "2", "3", "4"])
        let id = unique("writer")
        let first = try await writer { $0.writer.transactionalID = id }
        let broker = broker
        await #expect(throws: MsgBusError.self) {
            try await first.process(reader, upTo: 2) { batch, transaction in
                try broker.fail(.endTransaction, with: .producerFenced)
                for message in batch { try await transaction.write(try message.text) }
            }
        }
        await first.close()
        try broker.clearFaults()
        let second = try await writer { $0.writer.transactionalID = id }
        let seen = Collected<String>()
        let processing = Task {
            try await second.process(reader, upTo: 2) { batch, transaction in
                for message in batch {
                    try await transaction.write(try message.text)
                    seen.append(try message.text)
                }
            }
        }
        #expect(await eventually { seen.count >= 5 })
        await reader.close()
        try await processing.value
        #expect(seen.all == ["0", "1", "2", "3", "4"])
        await second.close()
    }

    @Test("Messages that can't be delivered in time are aborted, not in doubt")
    func undelivered() async throws {
        let writer = try await writer { $0.writer.transactionTimeout = .seconds(2) }
        try await writer.transaction { try await $0.write("before") }
        let error = await #expect(throws: MsgBusError.self) {
            try await writer.transaction { transaction in
                try broker.setDown()
                try transaction.enqueue("x")
            }
        }
        #expect(error?.persistence == .notPersisted)
        try broker.setUp()
        #expect(
            await eventually {
                do {
                    try await writer.transaction { try await $0.write("after") }
                    return true
                } catch {
                    return false
                }
            }
        )
        #expect(await writer.close().delivered == 2)
    }

    @Test("A close ends by its deadline, whatever the cluster does", arguments: [false, true])
    func close(isCommitting: Bool) async throws {
        let writer = try await writer()
        try await writer.transaction { try await $0.write("before") }
        let isClosed = Shared(false)
        let isDown = Shared(false)
        let task = Task {
            try await writer.transaction { transaction in
                try await transaction.write("x")
                try broker.setDown()
                isDown.set(true)
                while !isCommitting, !isClosed.value { await Task.yield() }
            }
        }
        #expect(await eventually { isDown.value })
        let clock = ContinuousClock()
        let time = await clock.measure { _ = await writer.close(timeout: .seconds(1)) }
        #expect(time < hang / 2)
        isClosed.set(true)
        let error = await #expect(throws: MsgBusError.self) { try await task.value }
        // Where the commit had begun nobody knows its end.
        #expect(error?.code == .closed || isCommitting && error?.persistence == .possiblyPersisted)
    }
}
