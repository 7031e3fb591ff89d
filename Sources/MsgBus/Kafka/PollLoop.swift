private import CRdKafka
internal import Dispatch

/// Runs one client's work on one serial Dispatch queue, woken by librdkafka and never by the clock.
///
/// librdkafka calls back when one of its queues goes from empty to non-empty, on a thread of its own and with that queue's
/// lock held: the callback may only signal. Signals add up in a Dispatch source, and its handler runs on ``queue``. Whoever
/// drains a queue must drain it until it is empty, or ``signal(_:)`` itself to go on, for a non-empty queue never calls again.
final class PollLoop: Sendable {
    /// What there is to do. Signals that come while the handler runs are not lost, they run it once more.
    struct Signals: OptionSet, Sendable {
        let rawValue: UInt

        /// librdkafka's event queue has something: reports, errors, log lines, rebalances.
        static let events = Signals(rawValue: 1)
        /// There may be messages to take, or room to take them.
        static let messages = Signals(rawValue: 2)
    }

    let queue: DispatchQueue
    private let source: WakeUp

    init(label: String, handler: @escaping @Sendable (Signals) -> Void) {
        queue = .ours(label)
        source = WakeUp(queue: queue) { handler(Signals(rawValue: $0)) }
    }

    func signal(_ signals: Signals) { source.or(signals.rawValue) }

    /// The source for librdkafka's callbacks: `signal` without a reference to this object.
    fileprivate var wakeUp: WakeUp { source }

    /// After this the handler doesn't run any more; must not be called while a queue is still watched.
    func cancel() { source.cancel() }
}

/// A Dispatch source that gathers bits. Unchecked, for Dispatch's sources are thread-safe and only not marked so.
private final class WakeUp: @unchecked Sendable {
    private let source: any DispatchSourceUserDataOr

    init(queue: DispatchQueue, handler: @escaping @Sendable (UInt) -> Void) {
        nonisolated(unsafe) let source = DispatchSource.makeUserDataOrSource(queue: queue)
        self.source = source
        // The source keeps itself alive through this handler until it is cancelled.
        source.setEventHandler { @Sendable in handler(source.data) }
        source.activate()
    }

    func or(_ bits: UInt) { source.or(data: bits) }

    func cancel() { source.cancel() }
}

/// One of librdkafka's queues, and the callback that it makes when it stops being empty.
final class WatchedQueue: Sendable {
    let handle: CHandle
    private let target: Target

    private final class Target: Sendable {
        let source: WakeUp
        let signals: PollLoop.Signals
        init(source: WakeUp, signals: PollLoop.Signals) {
            self.source = source
            self.signals = signals
        }
    }

    /// Takes over `handle`, which ``destroy()`` gives back.
    init(_ handle: CHandle, signals: PollLoop.Signals, on loop: PollLoop) {
        self.handle = handle
        target = Target(source: loop.wakeUp, signals: signals)
        rd_kafka_queue_cb_event_enable(
            handle.pointer,
            { _, context in
                let target = Unmanaged<Target>.fromOpaque(context!).takeUnretainedValue()
                target.source.or(target.signals.rawValue)
            },
            Unmanaged.passUnretained(target).toOpaque()
        )
        // What came before the callback was enabled never signals.
        loop.signal(signals)
    }

    /// No callback runs after this: librdkafka makes it with the queue's lock held, which this takes.
    func destroy() {
        rd_kafka_queue_cb_event_enable(handle.pointer, nil, nil)
        rd_kafka_queue_destroy(handle.pointer)
    }
}
