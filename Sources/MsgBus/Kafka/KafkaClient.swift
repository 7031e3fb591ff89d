internal import CRdKafka
internal import Dispatch
internal import Synchronization

/// Owns one `rd_kafka_t` with its queues and topic handles, and runs its poll loop.
///
/// Who may touch the C client: ``loop``'s queue or a thread that writes polls it, one at a time; ``work`` makes every call that can
/// block, one after another; and a writer produces under its own lock while it is open. ``destroy(isClean:)`` runs on `work`, so no
/// call is left by then.
final class KafkaClient: Sendable {
    /// What the owner of a client does with what it says, on `loop`'s queue. Deliveries may also be told on a thread that writes.
    struct Handlers: Sendable {
        var deliveries: @Sendable (DeliveryReports) -> Void = { _ in }
        /// Whether nobody waits for any, and a thread that writes takes them, or will be asked for again in a moment.
        var mayWait: @Sendable () -> Bool = { false }
        var messages: @Sendable () -> Void = {}
        var rebalance: @Sendable (Rebalance) -> Void = { _ in }
        var error: @Sendable (MsgBusError) -> Void = { _ in }
    }

    let handle: CHandle
    let loop: PollLoop
    let work: DispatchQueue
    let log: BusLog
    let events: EventHub
    let connection: ConnectionMonitor
    /// What OpenSSL says of the brokers' certificates.
    let certificates: CertificateCheck
    /// Where tokens come from, for a login that needs some.
    let tokens: TokenSource?
    /// Whether it logs in at all.
    let hasLogin: Bool

    private let metrics: ConnectionMetrics?
    private let statistics = Mutex<String?>(nil)
    private let handlers: HandlerBox
    private let queues: Mutex<[WatchedQueue]>
    private let topics = Mutex<[String: CHandle]>([:])
    private let isClosing = Atomic(false)
    private let hasConnected = Atomic(false)
    /// Written and read on `work` only.
    private let isDestroyed = Atomic(false)

    /// Makes a client that writes; it polls from the start.
    static func producer(_ properties: Properties, _ connector: Connector) throws(MsgBusError) -> KafkaClient {
        try KafkaClient(RD_KAFKA_PRODUCER, properties, connector)
    }

    /// Makes a client that reads; it polls from the start.
    static func consumer(_ properties: Properties, _ connector: Connector) throws(MsgBusError) -> KafkaClient {
        try KafkaClient(RD_KAFKA_CONSUMER, properties, connector)
    }

    private init(
        _ type: rd_kafka_type_t,
        _ properties: Properties,
        _ connector: Connector
    ) throws(MsgBusError) {
        let configuration = try properties.makeConfiguration()
        configuration.setEvents(
            RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_LOG | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_REBALANCE
                | RD_KAFKA_EVENT_STATS | RD_KAFKA_EVENT_OAUTHBEARER_TOKEN_REFRESH
        )
        certificates = CertificateCheck()
        certificates.attach(to: configuration)
        hasLogin = configuration.value(of: "security.protocol")?.hasPrefix("sasl") ?? false
        tokens = properties.tokenProvider.map { TokenSource($0) }
        let client = try properties.makeClient(type, configuration)
        tokens?.attach(client)
        // Log lines come with the events instead of from any of librdkafka's threads.
        rd_kafka_set_log_queue(client.pointer, nil)
        if type == RD_KAFKA_CONSUMER {
            // All that concerns a consumer comes by its consumer queue, which has to be polled to stay in the group.
            rd_kafka_poll_set_consumer(client.pointer)
        }
        // One without a group, which only administers, has no consumer queue.
        let consumerQueue = type == RD_KAFKA_CONSUMER ? rd_kafka_queue_get_consumer(client.pointer) : nil
        let main = CHandle((consumerQueue ?? rd_kafka_queue_get_main(client.pointer))!)
        let handlers = HandlerBox()
        handle = client
        metrics = connector.metrics
        events = EventHub(connector.metrics)
        connection = ConnectionMonitor(events)
        log = connector.log
        self.handlers = handlers
        work = .ours("msgbus.work")
        loop = PollLoop(label: "msgbus.poll") { signals in
            handlers.value?.run(signals)
        }
        queues = Mutex([])
        let queue = WatchedQueue(main, signals: .events, on: loop)
        queues.withLock { $0.append(queue) }
        handlers.set(EventDrain(queue: queue, client: self))
        // What the loop did before there was somebody to do it.
        loop.signal(.events)
    }

    /// Handles reports on this thread for a moment, in the loop's place: who waits for one hears of it one change of threads earlier.
    func awaitReports(atMost time: Duration, until isDone: () -> Bool) {
        handlers.value?.awaitReports(atMost: time, until: isDone)
    }

    /// Handles the reports that are there on this thread, in the loop's place: one that has written many.
    func takeReports() { handlers.value?.takeReports() }

    /// Whether this thread handles what librdkafka says: it must not wait for more of that.
    var isHandling: Bool { loop.isHere || handlers.value?.isHere == true }

    /// Returns when all that librdkafka has said by now is handled, as far as it was taken. Not on the loop's queue.
    func awaitHandlers() {
        loop.queue.sync {}
        handlers.value?.awaitTurn()
    }

    func setHandlers(_ new: Handlers) {
        handlers.value?.setHandlers(new)
        loop.signal([.events, .messages])
    }

    /// Watches a further queue; the client destroys it.
    func watch(_ queue: CHandle, _ signals: PollLoop.Signals) {
        queues.withLock { $0.append(WatchedQueue(queue, signals: signals, on: loop)) }
    }

    /// The handle of a topic, which is kept: making one for each message delays its first message by a second before
    /// librdkafka 2.10.1 (its issue 5032).
    func topicHandle(_ name: String) -> CHandle {
        topics.withLock { topics in
            if let handle = topics[name] { return handle }
            let handle = CHandle(rd_kafka_topic_new(self.handle.pointer, name, nil)!)
            topics[name] = handle
            return handle
        }
    }

    /// Makes a call on `work`, and waits for it. Not from `work` or the poll loop.
    ///
    /// - Throws: What the call throws; `.closed` when there is no client any more.
    func onWork<Value>(_ body: () throws(MsgBusError) -> Value) throws(MsgBusError) -> Value {
        let result: Result<Value, MsgBusError> = work.sync {
            guard !isDestroyed.load(ordering: .relaxed) else {
                return .failure(MsgBusError(.closed, "the connection is closed"))
            }
            do throws(MsgBusError) {
                return .success(try body())
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    // MARK: Statistics

    /// librdkafka's last statistics, as it wrote them.
    var latestStatistics: String? { statistics.withLock { $0 } }

    func keep(statistics json: String) { statistics.withLock { $0 = json } }

    // MARK: Errors and probes

    func report(_ error: MsgBusError) {
        metrics?.failed(error)
        let probe = connection.report(error)
        handlers.value?.current.error(error)
        if error.isRefusal, hasConnected.load(ordering: .relaxed) { tellOfRefusal(error) }
        if probe, hasConnected.load(ordering: .relaxed) { self.probe() }
    }

    /// The brokers know this client no longer, or it doesn't trust them any more. That may end by itself, and somebody has to be told.
    private func tellOfRefusal(_ error: MsgBusError) {
        // Another one may be good.
        if error.code == .authentication, !error.isRetriable { tokens?.wasRefused() }
        guard connection.isNews(error) else { return }
        log.warning("\(error)")
        events.post(.error(error))
    }

    /// From now on a connection that breaks is watched until it is back.
    func didConnect() { hasConnected.store(true, ordering: .relaxed) }

    var hasEverConnected: Bool { hasConnected.load(ordering: .relaxed) }

    /// Looks until a broker answers, twice a second: nothing else tells that one is back.
    ///
    /// Each look is short, for a close waits behind it; for links that need longer, it gets longer.
    private func probe(within time: Duration = .milliseconds(20)) {
        work.async { [self] in
            guard !isClosing.load(ordering: .relaxed), connection.isSuspect else { return }
            let next: Duration
            switch signOfLife(within: time) {
            case .answered:
                return connection.answered()
            case .silent:
                next = min(time * 2, .milliseconds(500))
            case .unreachable:
                connection.probeFailed()
                next = time
            }
            work.asyncAfter(deadline: .now() + 0.5) { [weak self] in self?.probe(within: next) }
        }
    }

    // MARK: Close

    /// Long calls on `work` look at this and end early.
    var isClosed: Bool { isClosing.load(ordering: .relaxed) }

    func beginClose() {
        isClosing.store(true, ordering: .relaxed)
        connection.close()
        events.finish()
    }

    /// Frees everything. Runs on `work`, last of all; blocks until librdkafka's threads are gone.
    ///
    /// - Parameter isClean: Whether the consumer has left its group. If not, librdkafka must not try: it would wait for it.
    func destroy(isClean: Bool) {
        isDestroyed.store(true, ordering: .relaxed)
        // After this the loop doesn't touch the client any more.
        handlers.value?.close()
        loop.queue.sync { handlers.set(nil) }
        for queue in queues.withLock({ $0 }) { queue.destroy() }
        queues.withLock { $0 = [] }
        topics.withLock { topics in
            for topic in topics.values { rd_kafka_topic_destroy(topic.pointer) }
            topics = [:]
        }
        loop.cancel()
        tokens?.close()
        rd_kafka_destroy_flags(handle.pointer, isClean ? 0 : RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE)
    }
}
