internal import Dispatch
internal import Synchronization

/// What is behind a ``KafkaReader``: it lives until it is closed, also when nobody holds the reader any more.
///
/// Three queues: the client's poll loop takes messages and never waits; `work` makes the calls that wait; `callbacks` runs the
/// application's callback. The state has one lock, and nobody is resumed or called with it held.
final class ReaderCore: Sendable {
    let config: MsgBusConfig
    let log: BusLog
    let consumer: ConsumerClient
    let state: Mutex<ReaderState>
    let freed = OneShot<Void>()
    let closed = OneShot<Void>()
    let deadlines: DeadlineTimer
    let redeliveries: DeadlineTimer
    let deadLetters: DeadLetters
    let commits: DeadlineTimer
    let housekeeping: DeadlineTimer
    private let traces: Traces?
    let metrics: ReaderMetrics?
    let gauges: DeadlineTimer?
    private let maxPollInterval: Duration
    let callbacks = DispatchQueue.ours("msgbus.callback")
    let membership: Membership

    var client: KafkaClient { consumer.client }
    var status: BusStatus { client.connection.status }

    /// Connects; blocks.
    static func connect(
        _ config: MsgBusConfig,
        _ instruments: Instruments,
        _ cancellation: Cancellation
    ) throws(MsgBusError) -> ReaderCore {
        let connector = try Connector(config, .reader, instruments, cancellation)
        let maxPollInterval = try ReaderProperties.maxPollInterval(connector)
        let topic = TopicWait(connector)
        let (client, plan) = try connector.connect {
            () throws(MsgBusError) in
            try KafkaClient.consumer(ReaderProperties.make(connector), connector)
        } isReady: { (client, metadata) throws(MsgBusError) -> ReadingPlan? in
            try topic.plan(client, metadata)
        }
        let core = ReaderCore(connector, instruments.traces, client, plan, maxPollInterval)
        do throws(MsgBusError) {
            try core.membership.start(connector)
        } catch {
            _ = core.close(within: .seconds(1))
            throw error
        }
        // Only now: whoever looks for new partitions has to know which ones aren't.
        if core.config.groupID == nil {
            core.housekeeping.arm(at: .after(core.config.reader.partitionDiscoveryInterval))
        }
        return core
    }

    private init(
        _ connector: Connector,
        _ traces: Traces?,
        _ client: KafkaClient,
        _ plan: ReadingPlan,
        _ maxPollInterval: Duration
    ) {
        config = connector.config
        log = connector.log
        self.traces = traces
        metrics = connector.metrics.map { ReaderMetrics($0) }
        gauges = connector.metrics.map { _ in DeadlineTimer(queue: client.loop.queue) }
        consumer = ConsumerClient(client)
        state = Mutex(ReaderState(config.reader, isGroup: config.groupID != nil))
        membership = Membership(config, consumer, log, plan)
        deadLetters = DeadLetters(config)
        self.maxPollInterval = maxPollInterval
        redeliveries = DeadlineTimer(queue: client.loop.queue)
        deadlines = DeadlineTimer(queue: client.loop.queue)
        commits = DeadlineTimer(queue: client.loop.queue)
        housekeeping = DeadlineTimer(queue: client.loop.queue)
        callbacks.setSpecific(key: Self.callbackKey, value: ObjectIdentifier(self))

        // These keep the core until its close cancels them, as the client's handlers do.
        deadlines.start { self.expire() }
        redeliveries.start { self.redeliver() }
        commits.start { self.commitInBackground() }
        // A group wants to hear from its members even when nothing happens, and a private reader looks for new partitions.
        let pause = config.groupID == nil ? config.reader.partitionDiscoveryInterval : maxPollInterval / 3
        housekeeping.start { self.keepHouse(every: pause) }
        if config.groupID != nil { housekeeping.arm(at: .after(pause)) }
        gauges?.start { self.setGauges() }
        gauges?.arm(at: .after(config.metricsInterval))
        membership.attach(self)
        client.setHandlers(
            KafkaClient.Handlers(
                messages: { self.fill() },
                rebalance: { self.membership.answer($0) },
                error: { self.take($0) }
            )
        )
    }

    // MARK: In, on the poll loop's queue

    /// Takes messages while there is room.
    private func fill() {
        // So that events and timers of this queue get their turn.
        for _ in 0..<64 {
            let (room, epoch) = state.withLock { ($0.room(), $0.epoch) }
            guard room > 0, let (batch, ends) = consumer.take(upTo: room, epoch: epoch) else { return }
            metrics?.received(batch)
            let (served, effects) = state.withLock { ($0.offer(batch, ends: ends), $0.effects()) }
            deliver(served)
            apply(effects)
        }
        client.loop.signal(.messages)
    }

    /// Tells those who waited, and has callbacks run.
    func deliver(_ served: (resumptions: [ReaderState.Resumption], startPump: Bool)) {
        for (waiter, answer) in served.resumptions { waiter.resume(answer) }
        if served.startPump { callbacks.async { self.pump() } }
    }

    private func take(_ error: MsgBusError) {
        // librdkafka has said the rest in its own words.
        error.isFatal ? log.error("\(error)") : log.debug("\(error)")
        // What heals by itself concerns nobody; that one may not read the topic, for example, concerns who reads.
        guard error.isFatal || [.authorization, .unknownTopic].contains(error.code) else { return }
        for (waiter, answer) in state.withLock({ $0.fail(error) }) { waiter.resume(answer) }
    }

    private func keepHouse(every pause: Duration) {
        if config.groupID == nil {
            membership.discover()
        } else {
            client.loop.signal(.events)
            if state.withLock({ $0.isStalled() }) {
                log.warning("the application has taken no message for \(maxPollInterval), and messages wait")
                client.events.post(.stalled(maxPollInterval))
            }
        }
        housekeeping.arm(at: .after(pause))
    }

    private func setGauges() {
        let (messages, bytes, positions) = state.withLock { ($0.buffer.count, $0.buffer.byteCount, $0.positions()) }
        metrics?.setQueue(messages: messages, bytes: bytes)
        metrics?.setLags(consumer.knownLags(positions))
        gauges?.arm(at: .after(config.metricsInterval))
    }

    private func expire() {
        let (late, next) = state.withLock { $0.expire(at: .now) }
        for (waiter, answer) in late { waiter.resume(answer) }
        if let next { deadlines.arm(at: next) }
    }

    /// The name of a message that its loop has to say it is done with; nil where nobody wants to know.
    func stretch(of message: Message) -> Stretch? {
        callerMatters ? Stretch(message) : nil
    }

    /// What a read or an acknowledgement has left to do.
    func apply(_ effects: ReaderState.Effects) {
        if effects.contains(.fill) { client.loop.signal(.messages) }
        if effects.contains(.commit) { commits.arm(at: .after(config.reader.commitInterval)) }
        if effects.contains(.caughtUp) {
            let partitions = state.withLock { $0.takeCaughtUp() }
            if !partitions.isEmpty { client.events.post(.caughtUp(partitions)) }
        }
        if effects.contains(.flow) { client.work.async { self.changeFlows() } }
    }

    // MARK: Callback

    private static let callbackKey = DispatchSpecificKey<ObjectIdentifier>()

    /// Whether this very call comes from the reader's callback.
    var isInsideCallback: Bool {
        DispatchQueue.getSpecific(key: Self.callbackKey) == ObjectIdentifier(self)
    }

    func register(_ body: @escaping @Sendable (Message) throws -> Void) throws(MsgBusError) {
        let startPump = try state.withLock { state throws(MsgBusError) in try state.register(body) }
        if startPump { callbacks.async { self.pump() } }
    }

    /// Ends the callback; the waiter is resumed when none runs any more, or with the error.
    func unregister(_ waiter: Waiter<MsgBusError?>) {
        let isInside = isInsideCallback
        let now: MsgBusError?? = state.withLock { state in
            do throws(MsgBusError) {
                try state.unregister()
                return !isInside && state.awaitPump(waiter) ? nil : .some(nil)
            } catch {
                return error
            }
        }
        if let now { waiter.resume(now) }
    }

    private func pump() {
        var done: Message?
        while true {
            let (call, idle, effects) = state.withLock { state in
                let next = state.nextCall(after: done)
                return (next.call, next.idle, state.effects())
            }
            apply(effects)
            for waiter in idle { waiter.resume(nil) }
            guard let call else { return }
            done = nil
            do {
                if let traces {
                    try traces.process(call.message, group: config.groupID) { _ in try call.callback.body(call.message)
                    }
                } else {
                    try call.callback.body(call.message)
                }
                done = call.message
            } catch {
                failed(call.message, error, inCallback: true)
            }
        }
    }

    /// Waits for a callback that has, or is just about to be given, a message of partitions that are going.
    func waitForCallback(of partitions: [TopicPartition], atMost time: Duration) {
        let thread = BlockedThread<MsgBusError?>()
        guard state.withLock({ $0.awaitPump(.thread(thread), of: partitions) }) else { return }
        if thread.wait(atMost: time) == nil {
            log.warning("the callback hasn't returned within \(time): the group can't wait any longer")
        }
    }

    func waitForCallback(atMost time: Duration) {
        let thread = BlockedThread<MsgBusError?>()
        guard state.withLock({ $0.awaitPump(.thread(thread)) }) else { return }
        if thread.wait(atMost: time) == nil { log.warning("the callback goes on: the close's time is over") }
    }

    // MARK: Acknowledgement

    func acknowledge(_ message: Message) throws(MsgBusError) {
        let effects = try state.withLock { state throws(MsgBusError) in
            try state.acknowledge(message)
            return state.effects()
        }
        apply(effects)
    }

    func reject(_ message: Message, _ reason: any Error) throws(MsgBusError) {
        try state.withLock { state throws(MsgBusError) in try state.checkOpen() }
        failed(message, reason, inCallback: false)
    }

    /// Changes the subscription.
    func change(
        within time: Duration,
        _ body: @escaping @Sendable (inout Subscription) throws(MsgBusError) -> Void
    ) async throws(MsgBusError) {
        try state.withLock { state throws(MsgBusError) in try state.checkOpen() }
        guard config.reader.partitions == nil else {
            throw MsgBusError(.state, "the reader has chosen its partitions (reader.partitions): make another one")
        }
        let end = OneShot<MsgBusError?>()
        membership.change(within: time, end, body)
        end.resolve(at: .after(time), on: client.loop.queue) {
            let text = "the subscription isn't changed within \(time); it goes on being tried"
            return MsgBusError(.timeout, text, isRetriable: true)
        }
        closed.whenResolved { end.resolve(MsgBusError(.closed, "the reader was closed")) }
        if let error = await end.value() { throw error }
    }

    /// Commits now. What is done is committed soon also if the time is over before it is this one's turn.
    func commit(within time: Duration) async throws(MsgBusError) {
        let deadline = Moment.after(time)
        try await onWork(by: deadline) { [self] () throws(MsgBusError) in
            try commitDone(within: max(.zero, Moment.now.duration(to: deadline)))
        }
    }

    /// Commits what is done and not committed yet. On `work`.
    func commitDone(within time: Duration, evenIfClosed: Bool = false) throws(MsgBusError) {
        let offsets = state.withLock { $0.beginCommit() }
        guard !offsets.isEmpty else { return }
        do throws(MsgBusError) {
            try consumer.commit(offsets, within: time, evenIfClosed: evenIfClosed)
        } catch {
            state.withLock { $0.commitFailed() }
            commits.arm(at: .after(config.reader.commitInterval))
            throw error
        }
        state.withLock { $0.didCommit(offsets) }
    }

    private func commitInBackground() {
        client.work.async { [self] in
            guard !client.isClosed else { return }
            do throws(MsgBusError) {
                try commitDone(within: .seconds(5))
            } catch {
                log.info("\(error); it will be tried again")
            }
        }
    }
}
