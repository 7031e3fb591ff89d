internal import Dispatch
internal import Synchronization

/// Calls back when the earliest of some deadlines has passed.
final class DeadlineTimer: Sendable {
    /// Shared with the handler, which thereby needs no reference to this object.
    private final class Armed: Sendable {
        let deadline = Mutex<Moment?>(nil)
    }

    // Dispatch's timers are thread-safe, and only not marked so.
    private nonisolated(unsafe) let timer: any DispatchSourceTimer
    private let armed = Armed()

    init(queue: DispatchQueue) {
        timer = DispatchSource.makeTimerSource(queue: queue)
    }

    /// Sets the handler, once.
    ///
    /// It runs on the queue, and has to ``arm(at:)`` the timer again if there are deadlines left.
    func start(_ handler: @escaping @Sendable () -> Void) {
        timer.setEventHandler { @Sendable [armed] in
            armed.deadline.withLock { $0 = nil }
            handler()
        }
        timer.activate()
    }

    /// Makes sure that the handler runs at that time or before.
    func arm(at deadline: Moment) {
        armed.deadline.withLock { armed in
            if let armed, armed <= deadline { return }
            armed = deadline
            let delay = max(.zero, Moment.now.duration(to: deadline))
            timer.schedule(deadline: .now() + .milliseconds(delay.milliseconds))
        }
    }

    func cancel() { timer.cancel() }
}
