internal import CRdKafka
internal import Synchronization

/// What the poll loop's handler works with, and loses when the client is destroyed.
final class HandlerBox: Sendable {
    private let drain = Mutex<EventDrain?>(nil)

    var value: EventDrain? { drain.withLock { $0 } }

    func set(_ value: EventDrain?) { drain.withLock { $0 = value } }
}

/// Takes a client's events off its queue and hands each to whom it concerns. Runs on the poll loop's queue.
final class EventDrain: Sendable {
    /// After so many events the loop lets other work of its queue go first.
    private static let slice = 1000

    private let queue: WatchedQueue
    private let client: KafkaClient
    private let handlers = Mutex(KafkaClient.Handlers())
    /// Only used on the poll loop's queue.
    private nonisolated(unsafe) var reports = DeliveryReports()

    init(queue: WatchedQueue, client: KafkaClient) {
        self.queue = queue
        self.client = client
    }

    var current: KafkaClient.Handlers { handlers.withLock { $0 } }

    func setHandlers(_ new: KafkaClient.Handlers) { handlers.withLock { $0 = new } }

    func run(_ signals: PollLoop.Signals) {
        let handlers = current
        if signals.contains(.events) { drain(handlers) }
        if signals.contains(.messages) { handlers.messages() }
    }

    private func drain(_ handlers: KafkaClient.Handlers) {
        for _ in 0..<Self.slice {
            guard let event = rd_kafka_queue_poll(queue.handle.pointer, 0) else { return }
            handle(event, handlers)
        }
        client.loop.signal(.events)
    }

    /// Waits for events and handles them, until that is so or the time is over.
    func run(atMost time: Duration, until isDone: () -> Bool) {
        let handlers = current
        let deadline = ContinuousClock.now + time
        // Else each event would wake the loop's thread too, for nothing.
        queue.unwatch()
        while !isDone() {
            let left = ContinuousClock.now.duration(to: deadline)
            guard left > .zero else { break }
            guard let event = rd_kafka_queue_poll(queue.handle.pointer, Int32(left.milliseconds)) else { continue }
            handle(event, handlers)
        }
        // In this order: what comes from now on signals, or is taken here.
        queue.watch()
        drain(handlers)
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
            KafkaLog.forward(event, to: client.log)
            rd_kafka_event_destroy(event)
        case RD_KAFKA_EVENT_ERROR:
            let error = MsgBusError(event: event)
            rd_kafka_event_destroy(event)
            // The event itself only says that it is fatal.
            client.report(error.isFatal ? client.fatalError ?? error : error)
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
