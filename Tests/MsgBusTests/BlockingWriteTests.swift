import MsgBus
import TestSupport
import Testing

@Suite("Writes that block", .timeLimit(.minutes(5)))
struct BlockingWriteTests {
    let broker = try! EmbeddedBroker()

    private func writer(_ change: (inout MsgBusConfig) -> Void = { _ in }) throws -> KafkaWriter {
        var config = broker.config(topic: unique("blocking"), direction: .writer)
        change(&config)
        return try KafkaWriter(config)
    }

    @Test("Many threads that write, tasks that write, a flush and timers get on beside each other")
    func crowd() async throws {
        let writer = try await onThread { try self.writer() }
        let threads = (0..<8).map { _ in
            Task {
                try await onThread {
                    for _ in 0..<200 { try writer.messageWrite("from a thread") }
                }
            }
        }
        let tasks = (0..<8).map { _ in Task { for _ in 0..<200 { try await writer.write("from a task") } } }
        for _ in 0..<10 { try await writer.flush(timeout: hang) }
        for task in threads + tasks { try await task.value }
        let report = await writer.close()
        #expect((report.delivered, report.undelivered) == (3200, 0))
    }

    @Test("A write that waits long doesn't hold up others, nor deadlines, nor the close")
    func slow() async throws {
        let writer = try await onThread { try self.writer { $0.writer.deliveryTimeout = .milliseconds(400) } }
        try await onThread { try writer.messageWrite("in time") }
        broker.close()
        let late = (0..<3).map { _ in Task { try await onThread { try writer.messageWrite("late") } } }
        let awaited = await #expect(throws: MsgBusError.self) { try await writer.write("late too") }
        #expect(awaited?.code == .timeout)
        for task in late {
            let error = await #expect(throws: MsgBusError.self) { try await task.value }
            #expect(error?.code == .timeout)
        }
        let waiting = Task { try await onThread { try writer.messageWrite("closed upon") } }
        #expect(await eventually { writer.status() != .open })
        let start = ContinuousClock.now
        await writer.close(timeout: .milliseconds(200))
        #expect(start.duration(to: .now) < hang)
        await #expect(throws: MsgBusError.self) { try await waiting.value }
    }

    @Test("Threads that write and a close at the same time: each write is answered")
    func closing() async throws {
        for _ in 0..<20 {
            let writer = try await onThread { try self.writer() }
            let answered = Collected<Bool>()
            let threads = (0..<4).map { _ in
                Task {
                    try await onThread {
                        while true {
                            do {
                                try writer.messageWrite("x")
                                answered.append(true)
                            } catch {
                                return answered.append(false)
                            }
                        }
                    }
                }
            }
            #expect(await eventually { answered.count > 20 })
            let report = await writer.close()
            for task in threads { try await task.value }
            #expect(answered.all.count { !$0 } == 4)
            #expect(report.delivered >= answered.all.count { $0 })
        }
    }
}
