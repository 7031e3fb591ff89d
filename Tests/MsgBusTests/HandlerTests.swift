import MsgBus
import TestSupport
import Testing

/// What handlers of a group may do, and what one may do while they are at it.
@Suite("Handlers of a group", .timeLimit(.minutes(5)))
struct HandlerTests {
    private struct Failure: Error {}

    let broker = try! EmbeddedBroker()
    let topic = unique("handlers")
    let group = unique("group")
    /// The reader whose handlers are meant.
    private let held = Shared<KafkaReader?>(nil)

    private func connect(
        partitions: Int = 2,
        _ change: (inout MsgBusConfig) -> Void = { _ in }
    ) async throws -> KafkaReader {
        try? broker.createTopic(topic, partitions: partitions)
        var config = broker.config(topic: topic, direction: .reader)
        config.connectTimeout = patience
        config.groupID = group
        // No handler is left alone before its test is over.
        config.reader.rebalanceTimeout = hang
        change(&config)
        return try await KafkaReader.connect(config)
    }

    private func write(_ partitions: Range<Int>) async throws {
        let writer = try await KafkaWriter.connect(broker.config(topic: topic, direction: .writer))
        for partition in partitions { try await writer.write(OutgoingMessage("\(partition)", partition: partition)) }
        await writer.close()
    }

    /// Whether something ends, for which it may have as long as it takes unless it hangs.
    private func ends(_ body: @escaping @Sendable () async -> Void) async -> Bool {
        let hasEnded = Shared(false)
        let task = Task {
            await body()
            hasEnded.set(true)
        }
        let isInTime = await eventually { hasEnded.value }
        await task.value
        return isInTime
    }

    // MARK: In onRevoke

    @Test("What is rejected in onRevoke doesn't come to who loses it, and once to who gets it")
    func reject() async throws {
        let taken = Collected<Message>()
        let again = Collected<TopicPartition>()
        let assigned = Shared(0)
        let held = held
        let reader = try await connect {
            $0.reader.ackMode = .manual
            $0.reader.failurePolicy = .retry(9, backoff: .milliseconds(50), then: .stop)
            $0.reader.onAssign = { _ in assigned.withLock { $0 += 1 } }
            $0.reader.onRevoke = { _ in
                let before = again.count
                for message in taken.all { try? held.value?.reject(message, because: Failure()) }
                // Longer than the pause.
                #expect(await !eventually(within: .milliseconds(200)) { again.count > before })
            }
        }
        held.set(reader)
        try await write(0..<2)
        for _ in 0..<2 { taken.append(try #require(try await reader.read(timeout: patience))) }
        let reading = Task {
            while true { again.append(try await reader.read().topicPartition) }
        }
        let other = try await connect()
        #expect(await eventually { reader.assignment.count == 1 && again.count > 0 })
        #expect(await !eventually(within: .milliseconds(300)) { again.count >= assigned.value })
        #expect(again.all.last == reader.assignment.first)
        held.set(nil)
        await reader.close()
        _ = await reading.result
        await other.close()
    }

    @Test("No callback has a message of partitions that onRevoke is told of")
    func callback() async throws {
        let hasEntered = Shared(false)
        let isRevoked = Shared(false)
        let reader = try await connect { $0.reader.onRevoke = { _ in isRevoked.set(true) } }
        let leave = Gate()
        try reader.onMessage { _ in
            hasEntered.set(true)
            leave.wait()
        }
        try await write(0..<1)
        #expect(await eventually { hasEntered.value })
        let joining = Task { try await connect() }
        #expect(await eventually { reader.assignment.isEmpty })
        #expect(await !eventually(within: .milliseconds(300)) { isRevoked.value })
        leave.open()
        #expect(await eventually { isRevoked.value })
        let other = try await joining.value
        await reader.close()
        await other.close()
    }

    @Test("A callback that doesn't return holds up the group no longer than a handler may")
    func stuckCallback() async throws {
        let hasEntered = Shared(false)
        let isRevoked = Shared(false)
        let reader = try await connect {
            $0.reader.rebalanceTimeout = .milliseconds(200)
            $0.reader.onRevoke = { _ in isRevoked.set(true) }
        }
        let leave = Gate()
        try reader.onMessage { _ in
            hasEntered.set(true)
            leave.wait()
        }
        try await write(0..<1)
        #expect(await eventually { hasEntered.value })
        let other = try await connect()
        #expect(isRevoked.value)
        leave.open()
        await reader.close()
        await other.close()
    }

    @Test("Subscribing in a handler, which can't come about before it returns, ends by its time")
    func subscribe() async throws {
        let other = "\(topic)-other"
        try broker.createTopic(other)
        let held = held
        let hasEnded = Shared(false)
        let reader = try await connect {
            $0.reader.onRevoke = { _ in
                try? await held.value?.subscribe(to: [other], timeout: .seconds(1))
                hasEnded.set(true)
            }
        }
        held.set(reader)
        let second = try await connect()
        #expect(await eventually { hasEnded.value })
        held.set(nil)
        await reader.close()
        await second.close()
    }

    @Test("A handler may close its reader; it isn't called again for what that gives up", arguments: [false, true])
    func close(isInClose: Bool) async throws {
        let held = held
        let calls = Collected<[TopicPartition]>()
        let reader = try await connect {
            $0.reader.onRevoke = { partitions in
                calls.append(partitions)
                await held.value?.close(timeout: hang)
            }
        }
        held.set(reader)
        let second = isInClose ? nil : try await connect()
        if !isInClose { #expect(await eventually { calls.count > 0 }) }
        #expect(await ends { await reader.close(timeout: hang) })
        #expect(calls.count == 1)
        held.set(nil)
        await second?.close()
    }

    // MARK: In onAssign

    @Test("An offset before the first one is the first one", arguments: [-5, -1, -1001])
    func absurdStart(offset: Int64) async throws {
        try broker.createTopic(topic)
        try await write(0..<1)
        let reader = try await connect {
            $0.reader.onAssign = { assignment in
                for partition in assignment.partitions { assignment.start(partition, at: .offset(offset)) }
            }
        }
        #expect(try await reader.read(timeout: patience)?.offset == 0)
        await reader.close()
    }

    @Test("So it is in a later assignment, which leaves no partition unread")
    func laterStart() async throws {
        let isLater = Shared(false)
        let reader = try await connect {
            $0.reader.onAssign = { assignment in
                guard isLater.value else { return }
                for partition in assignment.partitions { assignment.start(partition, at: .offset(-5)) }
            }
        }
        try await write(0..<2)
        isLater.set(true)
        let other = try await connect()
        #expect(await eventually { reader.assignment.count == 1 })
        await other.close()
        #expect(await eventually { reader.assignment.count == 2 })
        var seen: Set<Int> = []
        for _ in 0..<2 { seen.insert(try #require(try await reader.read(timeout: patience)).partition) }
        #expect(seen == [0, 1])
        #expect(await ends { await reader.close(timeout: hang) })
    }

    // MARK: Subscribing

    @Test("Of several that subscribe at once, each returns when its topic is read")
    func atOnce() async throws {
        let names = (0..<3).map { "\(topic)-\($0)" }
        for name in names { try broker.createTopic(name) }
        let reader = try await connect()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for name in names {
                group.addTask {
                    try await reader.subscribe(to: [name], timeout: patience)
                    #expect(reader.assignment.contains { $0.topic == name })
                }
            }
            try await group.waitForAll()
        }
        await reader.close()
    }

    @Test("Who subscribes while the group is being rearranged returns when the topic is read, and not before")
    func whileRearranged() async throws {
        let other = "\(topic)-other"
        try broker.createTopic(other)
        let isSlow = Shared(false)
        let isSubscribing = Shared(false)
        let reader = try await connect {
            $0.reader.onAssign = { _ in
                if isSlow.value { _ = await eventually { isSubscribing.value } }
            }
        }
        isSlow.set(true)
        let joining = Task { try await connect() }
        #expect(await eventually { reader.assignment.isEmpty })
        isSubscribing.set(true)
        try await reader.subscribe(to: [other], timeout: patience)
        #expect(reader.assignment.contains { $0.topic == other })
        await reader.close()
        await (try await joining.value).close()
    }

    @Test(
        "Subscribing to what is subscribed to already returns at once and rearranges nothing",
        arguments: LibraryFacts.isCooperativeSafe ? [Assignor.standard, .cooperativeSticky] : [.standard]
    )
    func again(assignor: Assignor) async throws {
        let assigned = Collected<[TopicPartition]>()
        let reader = try await connect {
            $0.reader.assignor = assignor
            $0.reader.onAssign = { assigned.append($0.partitions) }
        }
        try await reader.subscribe(to: [topic], timeout: patience)
        #expect(try await reader.read(timeout: .milliseconds(300)) == nil)
        #expect(assigned.count == 1)
        await reader.close()
    }

    @Test("A member that the group has thrown out is told what it lost, and reads on by itself")
    func lost() async throws {
        let lost = Collected<[TopicPartition]>()
        let revoked = Collected<[TopicPartition]>()
        let reader = try await connect {
            $0.reader.ackMode = .manual
            $0.reader.startFrom = .earliest
            $0.reader.onLost = { partitions in
                await Task.yield()
                lost.append(partitions.sorted())
            }
            $0.reader.onRevoke = { revoked.append($0) }
        }
        let partitions = reader.assignment
        let told = Collected<String>()
        let events = reader.events
        let listening = Task { for await event in events { told.append("\(event)") } }
        try await write(0..<1)
        let message = try #require(try await reader.read(timeout: patience))
        try broker.fail(next: 1, .heartbeat, with: .unknownMember)
        #expect(await eventually { lost.all == [partitions] })
        // What wasn't acknowledged comes again, and the message of before is nobody's.
        let again = try #require(try await reader.read(timeout: patience))
        #expect(again.offset == message.offset)
        let error = #expect(throws: MsgBusError.self) { try reader.acknowledge(message) }
        #expect(error?.code == .rebalance)
        try reader.acknowledge(again)
        #expect(revoked.all.isEmpty)
        await reader.close()
        await listening.value
        #expect(told.all.contains { $0.hasPrefix("lost: \(partitions[0])") })
    }

    // MARK: Closing

    @Test("A close answers everyone who waits, whatever a handler does")
    func everyone() async throws {
        let other = "\(topic)-other"
        try broker.createTopic(other)
        let isInHandler = Shared(false)
        let isOver = Shared(false)
        let reader = try await connect {
            $0.reader.onRevoke = { _ in
                isInHandler.set(true)
                // Deaf to being cancelled.
                _ = await Task { await eventually(within: hang) { isOver.value } }.value
            }
        }
        let joining = Task { try await connect() }
        #expect(await eventually { isInHandler.value })
        let waiting = Collected<String>()
        let answered = Collected<String>()
        func wait(_ name: String, _ body: @escaping @Sendable () async throws -> Void) -> Task<Void, Never> {
            Task {
                waiting.append(name)
                try? await body()
                answered.append(name)
            }
        }
        var tasks: [Task<Void, Never>] = []
        for _ in 0..<3 {
            tasks.append(wait("read") { _ = try await reader.read() })
            tasks.append(wait("commit") { try await reader.commit(timeout: hang) })
            tasks.append(wait("seek") { try await reader.seek(to: .beginning, timeout: hang) })
            tasks.append(wait("lag") { _ = try await reader.lag(timeout: hang) })
        }
        tasks.append(wait("subscribe") { try await reader.subscribe(to: [other], timeout: hang) })
        tasks.append(wait("unsubscribe") { try await reader.unsubscribe(from: [other], timeout: hang) })
        #expect(await eventually { waiting.count == tasks.count })
        #expect(await ends { await reader.close(timeout: .seconds(2)) })
        #expect(await eventually { answered.count == tasks.count }, "\(answered.all)")
        isOver.set(true)
        for task in tasks { await task.value }
        await (try await joining.value).close()
    }
}
