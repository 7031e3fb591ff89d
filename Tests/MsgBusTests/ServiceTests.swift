#if ServiceLifecycle
import MsgBus
import ServiceLifecycle
import ServiceLifecycleTestKit
import TestSupport
import Testing

@Suite("Readers and writers in a service group", .timeLimit(.minutes(5)))
struct ServiceTests {
    let broker = try! EmbeddedBroker()
    let topic = unique("services")

    @Test("A graceful shutdown delivers what was accepted, ends the loops, and returns")
    func gracefulShutdown() async throws {
        let config = broker.config(topic: topic, direction: .writer)
        var readerConfig = broker.config(topic: topic, direction: .reader)
        readerConfig.reader.startFrom = .earliest
        let reader = try await KafkaReader.connect(readerConfig)
        var lingering = config
        lingering.writer.linger = .seconds(30)
        let writer = try await KafkaWriter.connect(lingering)
        for index in 0..<100 { try writer.enqueue("\(index)") }
        try await testGracefulShutdown { trigger in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await writer.run() }
                group.addTask { try await reader.run() }
                group.addTask { for try await _ in reader.messages {} }
                trigger.triggerGracefulShutdown()
                try await group.waitForAll()
            }
        }
        #expect(writer.status() == .closed)
        #expect(reader.status() == .closed)
        #expect(await writer.close().delivered == 100)
    }

    @Test("A service ends when its task is cancelled, and when it is closed by other means")
    func otherEnds() async throws {
        let config = broker.config(topic: topic, direction: .writer)
        let cancelled = try await KafkaWriter.connect(config)
        let task = Task { try await cancelled.run() }
        task.cancel()
        try await task.value
        #expect(cancelled.status() == .closed)
        let closed = try await KafkaWriter.connect(config)
        let other = Task { try await closed.run() }
        await closed.close()
        try await other.value
    }

    @Test("Messages that a shutdown could not deliver are the service's error")
    func undelivered() async throws {
        var config = broker.config(topic: topic, direction: .writer)
        config.writer.closeTimeout = .milliseconds(300)
        let writer = try await KafkaWriter.connect(config)
        try broker.setDown()
        try writer.enqueue("lost")
        await testGracefulShutdown { trigger in
            trigger.triggerGracefulShutdown()
            let error = await #expect(throws: MsgBusError.self) { try await writer.run() }
            #expect(error?.code == .purged)
        }
    }

    @Test("A connection that has failed for good ends its service with the reason")
    func fenced() async throws {
        var config = broker.config(topic: topic, direction: .writer)
        config.writer.transactionalID = unique("writer")
        let writer = try await KafkaWriter.connect(config)
        let service = Task { try await writer.run() }
        try broker.fail(next: 1, .addPartitionsToTransaction, with: .producerFenced)
        await #expect(throws: (any Error).self) {
            try await writer.transaction { try await $0.write("never") }
        }
        let error = await #expect(throws: MsgBusError.self) { try await service.value }
        #expect(error?.isFatal == true)
        // Whoever comes later isn't told any more, and must not wait for it.
        let late = await #expect(throws: MsgBusError.self) { try await writer.run() }
        #expect(late == error)
        await writer.close()
    }
}
#endif
