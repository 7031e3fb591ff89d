import MsgBus
import TestSupport
import Testing

/// Every call of the bus, on every kind of connection, in every state: it returns or throws what the table says.
@Suite("Misuse never crashes", .timeLimit(.minutes(5)))
struct MisuseTests {
    let broker = try! EmbeddedBroker()

    enum Call: String, CaseIterable, Sendable {
        case write, read, available, register, unregister, status, disconnect

        /// Makes the call; nil when it returned.
        func make(on bus: any MsgBusIO) async -> MsgBusError.Code? {
            do {
                try await onThread {
                    switch self {
                    case .write: try bus.messageWrite("x")
                    case .read: _ = try bus.messageRead()
                    case .available: _ = bus.messageAvailable()
                    case .register: try bus.registerCB { _ in }
                    case .unregister: try bus.unregisterCB()
                    case .status: _ = bus.status()
                    case .disconnect: try bus.disconnect()
                    }
                }
                return nil
            } catch {
                return (error as? MsgBusError)?.code ?? .internal
            }
        }
    }

    enum State: String, CaseIterable, Sendable { case open, closed }

    static func expected(_ call: Call, _ direction: BusDirection, _ state: State) -> MsgBusError.Code? {
        switch (call, direction, state) {
        case (.available, _, _), (.status, _, _), (.disconnect, _, _): nil
        case (.write, .writer, .open): nil
        case (.write, .writer, .closed): .closed
        case (.write, .reader, _): .state
        case (.read, .writer, _), (.register, .writer, _), (.unregister, .writer, _): .state
        case (.read, .reader, .open): nil
        case (.register, .reader, .open): nil
        case (.unregister, .reader, .open): .state
        case (_, .reader, .closed): .closed
        }
    }

    private func connections(
        _ direction: BusDirection,
        _ blocking: BlockingMode
    ) async throws -> (bus: any MsgBusIO, feed: KafkaWriter) {
        let topic = unique("misuse")
        var config = broker.config(topic: topic, direction: direction)
        config.blocking = blocking
        let bus: any MsgBusIO = try await onThread { [config] in try connect(config) }
        return (bus, try await KafkaWriter.connect(broker.config(topic: topic, direction: .writer)))
    }

    @Test(
        "Each call on each direction, before and after a close",
        arguments: [BusDirection.writer, .reader],
        [BlockingMode.blocking, .nonBlocking]
    )
    func matrix(direction: BusDirection, blocking: BlockingMode) async throws {
        for state in State.allCases {
            for call in Call.allCases {
                let (bus, feed) = try await connections(direction, blocking)
                try await feed.write("something to read")
                if state == .closed { try await onThread { try bus.disconnect() } }
                let code = await call.make(on: bus)
                #expect(code == Self.expected(call, direction, state), "\(call) on a \(state) \(direction)")
                // And once more, for what a second call does.
                if call != .read, call != .register { _ = await call.make(on: bus) }
                try await onThread { try bus.disconnect() }
                #expect(bus.status() == .closed)
            }
        }
    }

    @Test("All calls at once from many threads, with 100 tasks closing", arguments: [BusDirection.writer, .reader])
    func everythingAtOnce(direction: BusDirection) async throws {
        for _ in 0..<5 {
            let (bus, feed) = try await connections(direction, .nonBlocking)
            await withTaskGroup(of: Void.self) { group in
                for index in 0..<300 {
                    let call = Call.allCases[index % Call.allCases.count]
                    group.addTask { _ = await call.make(on: bus) }
                    if index % 10 == 0 { group.addTask { _ = try? await feed.write("feed \(index)") } }
                }
                for _ in 0..<100 {
                    group.addTask { _ = await Call.disconnect.make(on: bus) }
                }
            }
            #expect(bus.status() == .closed)
        }
    }

    @Test("100 tasks that close a writer get the same report; those of a reader all return")
    func manyClosers() async throws {
        let topic = unique("closers")
        let writer = try await KafkaWriter.connect(broker.config(topic: topic, direction: .writer))
        let reader = try await KafkaReader.connect(broker.config(topic: topic, direction: .reader))
        for index in 0..<1000 { try writer.enqueue("\(index)") }
        let reports = await withTaskGroup(of: CloseReport.self) { group in
            for _ in 0..<100 { group.addTask { await writer.close() } }
            for _ in 0..<100 {
                group.addTask {
                    await reader.close()
                    return await writer.close()
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(Set(reports).count == 1)
        #expect(reports[0].delivered == 1000)
        #expect(reports[0].undelivered == 0)
    }

    @Test("Every async call after a close throws `.closed`")
    func afterClose() async throws {
        let topic = unique("closed")
        let writer = try await KafkaWriter.connect(broker.config(topic: topic, direction: .writer))
        let reader = try await KafkaReader.connect(broker.config(topic: topic, direction: .reader))
        try await writer.write("x")
        let message = try await reader.read()
        await writer.close()
        await reader.close()
        let calls: [@Sendable () async throws -> Void] = [
            { _ = try await writer.write("x") },
            { _ = try await writer.write(contentsOf: ["x"]) },
            { try writer.enqueue("x") },
            { try await writer.flush() },
            { _ = try await reader.read() },
            { _ = try await reader.read(timeout: .seconds(1)) },
            { _ = try await reader.readBatch(upTo: 1, within: .zero) },
            { try reader.onMessage { _ in } },
            { try await reader.stopCallback() },
            { try reader.acknowledge(message) },
            { try await reader.commit() },
        ]
        for (index, call) in calls.enumerated() {
            let error = await #expect(throws: MsgBusError.self, "call \(index)") { try await call() }
            #expect(error?.code == .closed, "call \(index)")
        }
        for try await _ in reader.messages { Issue.record("a closed reader has no messages") }
    }
}
