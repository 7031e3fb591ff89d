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

    private let queue: WatchedQueue
    private let client: KafkaClient
    private let handlers = Mutex(KafkaClient.Handlers())
    /// Whoever takes events has it. Not a lock, for a log handler may write where reports are being handled.
    private let turn = DispatchSemaphore(value: 1)
    /// Whether the loop was signalled while another thread had the turn.
    private let isMissed = Atomic(false)
    /// Held by who has the turn, and so never waited for: by it the thread sanitizer sees that turns come one after another.
    private let order = Mutex(())
    /// The thread that has it; 0 for none, or for one that only waits for its end.
    private let holder = Atomic<UInt>(0)
    /// Only used by who has the turn.
    private nonisolated(unsafe) var reports = DeliveryReports()
    private nonisolated(unsafe) var isClosed = false

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
            if handlers.mayWait() { client.loop.signal(.events, after: .milliseconds(2)) } else { runInTurn(handlers) }
        }
        if signals.contains(.messages) { handlers.messages() }
    }

    private func runInTurn(_ handlers: KafkaClient.Handlers) {
        // Before it tries, so that who has the turn can't miss it.
        isMissed.store(true, ordering: .sequentiallyConsistent)
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        guard turn.wait(timeout: .now()) == .success else { return }
        defer { turn.signal() }
        isMissed.store(false, ordering: .sequentiallyConsistent)
        holding { drain { handle($0, handlers) } }
    }

    // MARK: On a writing thread

    /// Handles the reports that are there, unless another thread does.
    func takeReports() {
        inTurn { handlers in drain { handleReports($0, handlers) } }
    }

    /// Waits for reports and handles them, until that is so or the time is over; returns at once if another thread does.
    func awaitReports(atMost time: Duration, until isDone: () -> Bool) {
        inTurn { handlers in
            let deadline = Moment.now + time
            // Else each event would wake the loop's thread too, for nothing.
            queue.unwatch()
            while !isDone() {
                let left = Moment.now.duration(to: deadline)
                guard left > .zero else { break }
                if let event = rd_kafka_queue_poll(queue.handle.pointer, Int32(left.milliseconds)) {
                    handleReports(event, handlers)
                }
            }
            // In this order: what comes from now on signals, or is taken here.
            queue.watch()
            drain { handleReports($0, handlers) }
        }
    }

    private func inTurn(_ body: (KafkaClient.Handlers) -> Void) {
        guard turn.wait(timeout: .now()) == .success else { return }
        holding { if !isClosed { body(current) } }
        endTurn()
    }

    private func holding(_ body: () -> Void) {
        order.withLock { _ in
            holder.store(Self.thread, ordering: .relaxed)
            body()
            holder.store(0, ordering: .relaxed)
        }
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

    private func endTurn() {
        turn.signal()
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        if isMissed.exchange(false, ordering: .sequentiallyConsistent) { client.loop.signal(.events) }
    }

    /// Only the loop handles what isn't a report: user code may follow from that, a log handler for example.
    private func handleReports(_ event: OpaquePointer, _ handlers: KafkaClient.Handlers) {
        guard rd_kafka_event_type(event) != RD_KAFKA_EVENT_DR else { return handle(event, handlers) }
        nonisolated(unsafe) let event = event
        client.loop.queue.async { self.handle(event, handlers) }
    }

    // MARK: Anywhere

    /// Returns when the events that were taken by now are handled. Not inside a handler.
    func awaitTurn() {
        turn.wait()
        endTurn()
    }

    /// No thread takes events after this.
    func close() {
        turn.wait()
        order.withLock { _ in isClosed = true }
        turn.signal()
    }

    private func drain(_ handle: (OpaquePointer) -> Void) {
        for _ in 0..<Self.slice {
            guard let event = rd_kafka_queue_poll(queue.handle.pointer, 0) else { return }
            handle(event)
        }
        client.loop.signal(.events)
    }

    /// Destroys the event before anyone hears of it: reports count against the writer's buffer until then.
    private func handle(_ event: OpaquePointer, _ handlers: KafkaClient.Handlers) {
        switch rd_kafka_event_type(event) {
        case RD_KAFKA_EVENT_DR:
            reports.read(event)
            rd_kafka_event_destroy(event)
            handlers.deliveries(reports)
            reports.clear()
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
