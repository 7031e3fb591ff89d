internal import CRdKafka
internal import Dispatch
internal import Synchronization

#if canImport(Darwin)
private import Darwin
#else
private import Glibc
#endif

/// What the poll loop's handler works with, and loses when the client is destroyed.
final class HandlerBox: Sendable {
    private let drain = Mutex<EventDrain?>(nil)

    var value: EventDrain? { drain.withLock { $0 } }

    func set(_ value: EventDrain?) { drain.withLock { $0 = value } }
}

/// Takes a client's events off its queue and hands each to whom it concerns.
///
/// One thread at a time does so: mostly the poll loop's, and a writing thread where that is faster, since it hears of its message
/// without a change of threads, or frees the memory of its messages where it took it. A writing thread only handles reports.
final class EventDrain: Sendable {
    /// After so many events the loop lets other work of its queue go first.
    private static let slice = 1000

    /// What there is one of at a time: whoever takes events has it.
    private struct Turn: ~Copyable {
        var reports = DeliveryReports()
        var isClosed = false
    }

    private let queue: WatchedQueue
    private let client: KafkaClient
    private let handlers = Mutex(KafkaClient.Handlers())
    private let turn = Mutex(Turn())
    /// The thread that has the turn; 0 for none, or for one that only waits for its end.
    private let holder = Atomic<UInt>(0)
    /// Whether the loop was signalled while another thread had the turn.
    private let isMissed = Atomic(false)

    init(queue: WatchedQueue, client: KafkaClient) {
        self.queue = queue
        self.client = client
    }

    var current: KafkaClient.Handlers { handlers.withLock { $0 } }

    func setHandlers(_ new: KafkaClient.Handlers) { handlers.withLock { $0 = new } }

    // MARK: On the poll loop's queue

    func run(_ signals: PollLoop.Signals) {
        let handlers = current
        if signals.contains(.events) {
            if handlers.mayWait() {
                client.loop.signal(.events, after: .milliseconds(2))
            } else {
                // Before it tries, so that who has the turn can't miss it.
                isMissed.store(true, ordering: .sequentiallyConsistent)
                atomicMemoryFence(ordering: .sequentiallyConsistent)
                inTurn { reports in
                    isMissed.store(false, ordering: .sequentiallyConsistent)
                    drain { handle($0, handlers, &reports) }
                }
            }
        }
        if signals.contains(.messages) { handlers.messages() }
    }

    // MARK: On a writing thread

    /// Handles the reports that are there, unless another thread does.
    func takeReports() {
        inTurn { reports in
            let handlers = current
            drain { handleReports($0, handlers, &reports) }
        }
    }

    /// Waits for reports and handles them, until that is so or the time is over; returns at once if another thread does.
    func awaitReports(atMost time: Duration, until isDone: () -> Bool) {
        inTurn { reports in
            let handlers = current
            let deadline = Moment.now + time
            // Else each event would wake the loop's thread too, for nothing.
            queue.unwatch()
            while !isDone() {
                let left = Moment.now.duration(to: deadline)
                guard left > .zero else { break }
                if let event = rd_kafka_queue_poll(queue.handle.pointer, Int32(left.milliseconds)) {
                    handleReports(event, handlers, &reports)
                }
            }
            // In this order: what comes from now on signals, or is taken here.
            queue.watch()
            drain { handleReports($0, handlers, &reports) }
        }
    }

    // MARK: Turns

    /// Has the turn while it runs, unless another thread has it or the client is closed.
    private func inTurn(_ body: (inout DeliveryReports) -> Void) {
        // Nor may a thread that has it try again: a log handler may write.
        guard holder.load(ordering: .relaxed) == 0 else { return }
        let hadTurn = turn.withLockIfAvailable { turn in
            guard !turn.isClosed else { return false }
            holder.store(Self.thread, ordering: .relaxed)
            body(&turn.reports)
            holder.store(0, ordering: .relaxed)
            return true
        }
        if hadTurn == true { endTurn() }
    }

    /// Has the loop come back if it was signalled meanwhile.
    private func endTurn() {
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        if isMissed.exchange(false, ordering: .sequentiallyConsistent) { client.loop.signal(.events) }
    }

    /// Whether this thread handles events just now, a log handler for example: whoever waits there for a report waits for itself.
    var isHere: Bool { holder.load(ordering: .relaxed) == Self.thread }

    private static var thread: UInt {
        #if canImport(Darwin)
        UInt(bitPattern: pthread_self())
        #else
        UInt(pthread_self())
        #endif
    }

    /// Returns when the events that were taken by now are handled. Not inside a handler.
    func awaitTurn() {
        turn.withLock { _ in }
        endTurn()
    }

    /// No thread takes events after this. Not inside a handler.
    func close() { turn.withLock { $0.isClosed = true } }

    // MARK: Events

    private func drain(_ handle: (OpaquePointer) -> Void) {
        for _ in 0..<Self.slice {
            guard let event = rd_kafka_queue_poll(queue.handle.pointer, 0) else { return }
            handle(event)
        }
        client.loop.signal(.events)
    }

    /// Only the loop handles what isn't a report: user code may follow from that, a log handler for example.
    private func handleReports(
        _ event: OpaquePointer,
        _ handlers: KafkaClient.Handlers,
        _ reports: inout DeliveryReports
    ) {
        if rd_kafka_event_type(event) == RD_KAFKA_EVENT_DR { return handle(event, handlers, &reports) }
        nonisolated(unsafe) let event = event
        client.loop.queue.async { self.handle(event, handlers) }
    }

    private func handle(_ event: OpaquePointer, _ handlers: KafkaClient.Handlers, _ reports: inout DeliveryReports) {
        guard rd_kafka_event_type(event) == RD_KAFKA_EVENT_DR else { return handle(event, handlers) }
        reports.read(event)
        // Before anyone hears of it: messages count against the writer's buffer until then.
        rd_kafka_event_destroy(event)
        handlers.deliveries(reports)
        reports.clear()
    }

    /// All but reports.
    private func handle(_ event: OpaquePointer, _ handlers: KafkaClient.Handlers) {
        switch rd_kafka_event_type(event) {
        case RD_KAFKA_EVENT_REBALANCE:
            let rebalance = Rebalance(event)
            rd_kafka_event_destroy(event)
            handlers.rebalance(rebalance)
        case RD_KAFKA_EVENT_LOG:
            let failure = KafkaLog.forward(event, to: client.log)
            rd_kafka_event_destroy(event)
            if let failure { client.connection.hear(failure.explained(client)) }
        case RD_KAFKA_EVENT_STATS:
            if let json = rd_kafka_event_stats(event) { client.keep(statistics: String(cString: json)) }
            rd_kafka_event_destroy(event)
        case RD_KAFKA_EVENT_ERROR:
            let error = MsgBusError(event: event)
            rd_kafka_event_destroy(event)
            // The event itself only says that it is fatal.
            client.report(error.isFatal ? client.fatalError ?? error : error.explained(client))
        case RD_KAFKA_EVENT_OAUTHBEARER_TOKEN_REFRESH:
            rd_kafka_event_destroy(event)
            if let tokens = client.tokens {
                tokens.refresh()
            } else {
                rd_kafka_oauthbearer_set_token_failure(client.handle.pointer, MsgBusError.noTokenProvider.message)
            }
        default:
            // librdkafka also returns types that nobody asked for, and newer versions have more of them.
            rd_kafka_event_destroy(event)
        }
    }
}

extension MsgBusError {
    /// The error that an event carries.
    init(event: OpaquePointer) {
        let partition = rd_kafka_event_topic_partition(event)
        defer { if let partition { rd_kafka_topic_partition_destroy(partition) } }
        let topic = partition.flatMap { $0.pointee.topic }.map { String(cString: $0) }
        self.init(
            kafka: rd_kafka_event_error(event),
            reason: rd_kafka_event_error_string(event).map { String(cString: $0) },
            topic: topic?.isEmpty == true ? nil : topic,
            partition: partition.flatMap { $0.pointee.partition < 0 ? nil : Int($0.pointee.partition) }
        )
        if rd_kafka_event_error_is_fatal(event) != 0 { isFatal = true }
    }
}
