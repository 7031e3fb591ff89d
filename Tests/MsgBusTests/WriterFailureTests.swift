import MsgBus
import TestSupport
import Testing

@Suite("Writes that fail", .timeLimit(.minutes(5)))
struct WriterFailureTests {
    /// A writer whose broker is gone, without a message before: with a short time to deliver, that one might be late.
    private func orphan(_ change: (inout MsgBusConfig) -> Void = { _ in }) async throws -> KafkaWriter {
        let broker = try EmbeddedBroker()
        var config = broker.config(topic: unique("orphan"), direction: .writer)
        change(&config)
        let writer = try await KafkaWriter.connect(config)
        broker.close()
        return writer
    }

    @Test("Writes to a living partition don't wait for a dead one's while there is room in a small buffer")
    func livingPartition() async throws {
        let broker = try EmbeddedBroker(brokers: 2)
        let topic = unique("living")
        try broker.createTopic(topic, partitions: 2)
        for partition in 0..<2 { try broker.moveLeader(ofTopic: topic, partition: partition, to: partition + 1) }
        var config = broker.config(topic: topic, direction: .writer)
        config.writer.bufferMessages = 10
        config.writer.deliveryTimeout = hang * 2
        let writer = try await KafkaWriter.connect(config)
        for partition in 0..<2 { try await writer.write(OutgoingMessage("known", partition: partition)) }
        try broker.setDown(broker: 1)
        for _ in 0..<6 { try writer.enqueue(OutgoingMessage("stuck", partition: 0)) }
        let start = ContinuousClock.now
        await withTaskGroup(of: Void.self) { tasks in
            for _ in 0..<12 {
                tasks.addTask {
                    await #expect(throws: Never.self) { try await writer.write(OutgoingMessage("well", partition: 1)) }
                }
            }
        }
        #expect(start.duration(to: .now) < hang)
        await writer.close(timeout: .milliseconds(100))
    }

    @Test("A write to a dead broker fails within its timeout, awaited and blocking, and close stays quick (B-03)")
    func deadline() async throws {
        let writer = try await orphan { $0.writer.deliveryTimeout = .milliseconds(300) }
        let awaited = await #expect(throws: MsgBusError.self) { try await writer.write("lost") }
        #expect(awaited?.code == .timeout)
        #expect(awaited?.isRetriable == true)
        let blocked = await #expect(throws: MsgBusError.self) { try await onThread { try writer.messageWrite("lost") } }
        #expect(blocked?.code == .timeout)
        let start = ContinuousClock.now
        let report = await writer.close(timeout: .milliseconds(500))
        #expect(start.duration(to: .now) < hang)
        #expect((report.delivered, report.undelivered) == (0, 2))
    }

    @Test("A delivery timeout set by librdkafka's own name counts too")
    func deadlineByProperty() async throws {
        let writer = try await orphan { $0.properties["message.timeout.ms"] = "250" }
        let error = await #expect(throws: MsgBusError.self) { try await writer.write("lost") }
        #expect(error?.code == .timeout)
        await writer.close(timeout: .zero)
    }

    @Test("Close gives up in time, reports what is lost, and hands the messages back")
    func abandoned() async throws {
        let back = Collected<UndeliveredMessage>()
        let writer = try await orphan { $0.writer.onUndelivered = { back.append($0) } }
        for index in 0..<100 {
            try writer.enqueue(OutgoingMessage("\(index)", key: "k", headers: ["n": "\(index)"]))
        }
        let waiting = immediately { try await writer.write("somebody waits") }
        let start = ContinuousClock.now
        let report = await writer.close(timeout: .milliseconds(500))
        #expect(start.duration(to: .now) < hang)
        #expect((report.delivered, report.undelivered, report.abandoned) == (0, 101, 101))
        #expect(await eventually { back.count == 100 })
        // In order per partition only.
        let first = try #require(back.all.first { $0.message.headers["n"]?.text == "0" })
        #expect(first.error.code == .purged)
        #expect(first.message.value == Array("0".utf8))
        #expect(first.message.key == Array("k".utf8))
        let error = await #expect(throws: MsgBusError.self) { try await waiting.value }
        #expect(error?.code == .purged)
    }

    @Test("A blocking disconnect throws how many messages were lost, once")
    func disconnectThrows() async throws {
        let writer = try await orphan { $0.writer.closeTimeout = .milliseconds(300) }
        for index in 0..<7 { try writer.enqueue("\(index)") }
        let error = await #expect(throws: MsgBusError.self) { try await onThread { try writer.disconnect() } }
        #expect(error?.code == .purged)
        #expect(error?.message.contains("7 messages") == true)
        try await onThread { try writer.disconnect() }
    }

    @Test("A non-blocking write that fails long before is not forgotten by disconnect")
    func failureBeforeDisconnect() async throws {
        let lost = Collected<UndeliveredMessage>()
        let writer = try await orphan {
            $0.blocking = .nonBlocking
            $0.writer.deliveryTimeout = .milliseconds(200)
            $0.writer.onUndelivered = { lost.append($0) }
        }
        try await onThread { try writer.messageWrite("lost") }
        #expect(await eventually { lost.count == 1 })
        let error = await #expect(throws: MsgBusError.self) { try await onThread { try writer.disconnect() } }
        #expect(error?.code == .purged)
    }

    @Test("The handler of undelivered messages can close its writer")
    func closeFromHandler() async throws {
        let held = Shared<KafkaWriter?>(nil)
        let closed = Gate()
        let writer = try await orphan {
            $0.writer.deliveryTimeout = .milliseconds(200)
            $0.writer.closeTimeout = hang * 2
            $0.writer.onUndelivered = { _ in
                try? held.value?.disconnect()
                closed.open()
            }
        }
        held.set(writer)
        try writer.enqueue("lost")
        let start = ContinuousClock.now
        try await onThread { closed.wait() }
        #expect(start.duration(to: .now) < hang)
        #expect(writer.status() == .closed)
        held.set(nil)
    }

    @Test("A cancelled write stops waiting; the message is said to be possibly on its way")
    func cancelled() async throws {
        let writer = try await orphan()
        let task = immediately { try await writer.write("detached") }
        task.cancel()
        let error = await #expect(throws: MsgBusError.self) { try await task.value }
        #expect(error?.code == .cancelled)
        #expect(error?.mayHaveBeenPersisted == true)
        let before = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await writer.write("never sent")
        }
        let second = await #expect(throws: MsgBusError.self) { try await before.value }
        #expect(second?.code == .cancelled)
        #expect(second?.mayHaveBeenPersisted == false)
        await writer.close(timeout: .zero)
    }

    @Test("A write in the line for room can be cancelled, be late, and be closed upon: each answered once")
    func line() async throws {
        let writer = try await orphan {
            $0.writer.bufferMessages = 1
            $0.writer.deliveryTimeout = .milliseconds(800)
        }
        try writer.enqueue("fills the buffer")
        let cancelled = immediately { try await writer.write("cancelled") }
        let late = immediately { try await writer.write("late") }
        cancelled.cancel()
        let first = await #expect(throws: MsgBusError.self) { try await cancelled.value }
        #expect(first?.code == .cancelled)
        #expect(first?.persistence == .notPersisted)
        // The one before it may have been given up just before, so that it had its turn.
        let second = await #expect(throws: MsgBusError.self) { try await late.value }
        #expect(second?.code == .timeout)
        await writer.close(timeout: .zero)
        let third = await #expect(throws: MsgBusError.self) { try await writer.write("too late") }
        #expect(third?.code == .closed)
    }

    @Test("Close answers those who wait for room")
    func closeAnswersTheLine() async throws {
        let writer = try await orphan { $0.writer.bufferMessages = 1 }
        try writer.enqueue("fills the buffer")
        let waiting = (0..<20).map { index in immediately { try await writer.write("\(index)") } }
        await writer.close(timeout: .milliseconds(200))
        for task in waiting {
            let error = await #expect(throws: MsgBusError.self) { try await task.value }
            #expect(error?.code == .closed)
            #expect(error?.persistence == .notPersisted)
        }
    }

    @Test("A flush to a dead broker times out, can be cancelled, and ends with the writer")
    func flushes() async throws {
        let writer = try await orphan()
        try writer.enqueue("stuck")
        let late = await #expect(throws: MsgBusError.self) { try await writer.flush(timeout: .milliseconds(100)) }
        #expect(late?.code == .timeout)
        let task = immediately { try await writer.flush(timeout: .seconds(300)) }
        task.cancel()
        let cancelled = await #expect(throws: MsgBusError.self) { try await task.value }
        #expect(cancelled?.code == .cancelled)
        let waiting = immediately { try await writer.flush(timeout: .seconds(300)) }
        await writer.close(timeout: .milliseconds(200))
        _ = await waiting.result
        let closed = await #expect(throws: MsgBusError.self) { try await writer.flush() }
        #expect(closed?.code == .closed)
    }

    @Test("A storm of 10,000 writes, cancelled, late and closed upon at once, answers each exactly once")
    func storm() async throws {
        let writer = try await orphan {
            $0.writer.bufferMessages = 500
            $0.writer.deliveryTimeout = .milliseconds(400)
        }
        try await withThrowingTaskGroup(of: MsgBusError.Code?.self) { group in
            for index in 0..<10_000 {
                group.addTask {
                    let task = Task { try await writer.write("\(index)") }
                    if index % 3 == 0 { task.cancel() }
                    do {
                        _ = try await task.value
                        return nil
                    } catch let error as MsgBusError {
                        return error.code
                    }
                }
            }
            group.addTask {
                await writer.close(timeout: .milliseconds(600))
                return nil
            }
            var answers = 0
            for try await _ in group { answers += 1 }
            #expect(answers == 10_001)
        }
    }
}
