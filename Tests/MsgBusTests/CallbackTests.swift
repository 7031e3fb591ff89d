import MsgBus
import TestSupport
import Testing

@Suite("Callbacks", .timeLimit(.minutes(5)))
struct CallbackTests {
    let broker = try! EmbeddedBroker()
    let topic = unique("callbacks")

    private func connect() async throws -> (KafkaReader, KafkaWriter) {
        try? broker.createTopic(topic)
        let reader = try await KafkaReader.connect(broker.config(topic: topic, direction: .reader))
        let writer = try await KafkaWriter.connect(broker.config(topic: topic, direction: .writer))
        return (reader, writer)
    }

    @Test("What has arrived before comes first, in order (B-11)")
    func queuedFirst() async throws {
        let (reader, writer) = try await connect()
        _ = try await writer.write(contentsOf: (0..<100).map { OutgoingMessage("\($0)") })
        #expect(await eventually { reader.messageAvailable() == 100 })
        let seen = Collected<String>()
        try reader.registerCB { seen.append($0) }
        for index in 100..<200 { try await writer.write("\(index)") }
        #expect(await eventually { seen.count == 200 })
        #expect(seen.all == (0..<200).map(String.init))
    }

    @Test("A second registration, and every kind of read beside a callback, is an error")
    func misuse() async throws {
        let (reader, _) = try await connect()
        try reader.registerCB { _ in }
        let calls: [@Sendable () async throws -> Void] = [
            { try reader.registerCB { _ in } },
            { try reader.onMessage { _ in } },
            { _ = try await reader.read() },
            { _ = try await reader.read(timeout: .zero) },
            { _ = try await reader.readBatch(upTo: 1, within: .zero) },
            { for try await _ in reader.messages {} },
            { _ = try await onThread { try reader.messageRead() } },
        ]
        for call in calls {
            let error = await #expect(throws: MsgBusError.self) { try await call() }
            #expect(error?.code == .state)
        }
        try await reader.stopCallback()
        let error = await #expect(throws: MsgBusError.self) { try await reader.stopCallback() }
        #expect(error?.code == .state)
        let waiting = immediately { try await reader.read() }
        let beside = #expect(throws: MsgBusError.self) { try reader.registerCB { _ in } }
        #expect(beside?.code == .state)
        waiting.cancel()
    }

    @Test("When unregister returns no callback runs, and none comes after it (B-12)", arguments: [true, false])
    func unregisterWaits(blocking: Bool) async throws {
        let (reader, writer) = try await connect()
        let entered = Gate()
        let leave = Gate()
        let isRunning = Shared(0)
        let calls = Shared(0)
        try reader.onMessage { _ in
            isRunning.set(1)
            calls.set(calls.value + 1)
            entered.open()
            leave.wait()
            isRunning.set(0)
        }
        try await writer.write("1")
        try await writer.write("2")
        try await onThread { entered.wait() }
        let stop = Task {
            if blocking { try await onThread { try reader.unregisterCB() } } else { try await reader.stopCallback() }
        }
        #expect(isRunning.value == 1)
        leave.open()
        try await stop.value
        #expect(isRunning.value == 0)
        let after = calls.value
        try await writer.write("3")
        // What nobody was called with is still there to be read, in order.
        for index in (after + 1)...3 { #expect(try await reader.read().text == "\(index)") }
        #expect(calls.value == after)
    }

    @Test("A callback can unregister itself and register another")
    func unregisterFromInside() async throws {
        let (reader, writer) = try await connect()
        let first = Collected<String>()
        let second = Collected<String>()
        try reader.registerCB { text in
            first.append(text)
            try! reader.unregisterCB()
            try! reader.registerCB { second.append($0) }
        }
        for index in 0..<5 { try await writer.write("\(index)") }
        #expect(await eventually { second.count == 4 })
        #expect(first.all == ["0"])
        #expect(second.all == ["1", "2", "3", "4"])
    }

    @Test("A callback can close its reader, and is the last one (B-12)")
    func closeFromInside() async throws {
        let (reader, writer) = try await connect()
        let seen = Collected<String>()
        let closed = Gate()
        try reader.registerCB { text in
            seen.append(text)
            try! reader.disconnect()
            closed.open()
        }
        _ = try await writer.write(contentsOf: (0..<50).map { OutgoingMessage("\($0)") })
        try await onThread { closed.wait() }
        #expect(reader.status() == .closed)
        await reader.close()
        #expect(seen.all == ["0"])
    }

    @Test("A close waits for the callback that runs, and none comes after it (B-12)")
    func closeWaits() async throws {
        let (reader, writer) = try await connect()
        let entered = Gate()
        let leave = Gate()
        let finished = Shared(0)
        try reader.onMessage { _ in
            entered.open()
            leave.wait()
            finished.set(finished.value + 1)
        }
        _ = try await writer.write(contentsOf: (0..<10).map { OutgoingMessage("\($0)") })
        try await onThread { entered.wait() }
        let close = Task { await reader.close(timeout: patience) }
        #expect(await eventually { reader.status() == .closed })
        #expect(finished.value == 0)
        leave.open()
        await close.value
        #expect(finished.value == 1)
    }

    @Test("A callback and somebody else who close at once don't wait for each other")
    func closeFromInsideAndOutside() async throws {
        let (reader, writer) = try await connect()
        let entered = Gate()
        let leave = Gate()
        try reader.registerCB { _ in
            entered.open()
            leave.wait()
            try! reader.disconnect()
        }
        try await writer.write("x")
        try await onThread { entered.wait() }
        let start = ContinuousClock.now
        let outside = Task { await reader.close(timeout: hang * 2) }
        #expect(await eventually { reader.status() == .closed })
        leave.open()
        await outside.value
        #expect(start.duration(to: .now) < hang)
    }

    @Test("A callback that never returns doesn't hold up a close beyond its time")
    func stuckCallback() async throws {
        let (reader, writer) = try await connect()
        let entered = Gate()
        let leave = Gate()
        try reader.onMessage { _ in
            entered.open()
            leave.wait()
        }
        try await writer.write("stuck")
        try await onThread { entered.wait() }
        let start = ContinuousClock.now
        await reader.close(timeout: .milliseconds(200))
        #expect(start.duration(to: .now) < hang)
        leave.open()
    }

    @Test("A callback that throws is not the last one")
    func throwing() async throws {
        struct Failure: Error {}
        let (reader, writer) = try await connect()
        let seen = Collected<Int64>()
        try reader.onMessage { message in
            seen.append(message.offset)
            throw Failure()
        }
        _ = try await writer.write(contentsOf: ["a", "b", "c"])
        #expect(await eventually { seen.all == [0, 1, 2] })
    }
}
