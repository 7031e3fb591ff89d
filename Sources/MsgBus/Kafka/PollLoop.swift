internal import Dispatch

/// Runs one client's work on one serial Dispatch queue, woken by librdkafka, or in a moment where many reports shall come together.
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
    private static let key = DispatchSpecificKey<ObjectIdentifier>()

    init(label: String, handler: @escaping @Sendable (Signals) -> Void) {
        queue = .ours(label)
        source = WakeUp(queue: queue) { handler(Signals(rawValue: $0)) }
        queue.setSpecific(key: Self.key, value: ObjectIdentifier(self))
    }

    /// Whether this is running on ``queue``: whoever waits there keeps it from doing what is waited for.
    var isHere: Bool { DispatchQueue.getSpecific(key: Self.key) == ObjectIdentifier(self) }

    func signal(_ signals: Signals) { source.or(signals.rawValue) }

    func signal(_ signals: Signals, after pause: Duration) {
        queue.asyncAfter(deadline: .now() + .milliseconds(pause.milliseconds)) { [source] in source.or(signals.rawValue)
        }
    }

    /// The source for librdkafka's callbacks: `signal` without a reference to this object.
    var wakeUp: WakeUp { source }

    /// After this the handler doesn't run any more; must not be called while a queue is still watched.
    func cancel() { source.cancel() }
}

/// A Dispatch source that gathers bits. Unchecked, for Dispatch's sources are thread-safe and only not marked so.
final class WakeUp: @unchecked Sendable {
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
