internal import Dispatch
internal import Synchronization

/// A value that comes once and that any number may wait for: the end of a close, for example.
final class OneShot<Value: Sendable>: Sendable {
    private enum State {
        case pending([Waiter<Value>])
        case done(Value)
    }

    private let state = Mutex(State.pending([]))

    /// The first value stands, later ones are ignored.
    func resolve(_ value: Value) {
        let waiters: [Waiter<Value>] = state.withLock { state in
            guard case .pending(let waiters) = state else { return [] }
            state = .done(value)
            return waiters
        }
        for waiter in waiters { waiter.resume(value) }
    }

    /// Resolves it at that time, on that queue, unless a value has come by then.
    func resolve(at deadline: Moment, on queue: DispatchQueue, _ value: @escaping @Sendable () -> Value) {
        // One that can be cancelled: the deadline may be hours away.
        let timer = DeadlineTimer(queue: queue)
        timer.start { self.resolve(value()) }
        timer.arm(at: deadline)
        whenResolved { _ in timer.cancel() }
    }

    var valueIfDone: Value? {
        state.withLock { if case .done(let value) = $0 { value } else { nil } }
    }

    func value() async -> Value {
        await withUnsafeContinuation { whenResolved(.task($0)) }
    }

    func wait() -> Value {
        let thread = BlockedThread<Value>()
        whenResolved(.thread(thread))
        return thread.wait()
    }

    /// Nil when it hasn't come in time.
    func wait(atMost time: Duration) -> Value? {
        let thread = BlockedThread<Value>()
        whenResolved(.thread(thread))
        return thread.wait(atMost: time)
    }

    /// Has the value passed on, now or later.
    func whenResolved(_ body: @escaping @Sendable (Value) -> Void) { whenResolved(.closure(body)) }

    /// Has the waiter resumed, now or later.
    func whenResolved(_ waiter: Waiter<Value>) {
        let value: Value? = state.withLock { state in
            switch state {
            case .pending(let waiters):
                state = .pending(waiters + [waiter])
                return nil
            case .done(let value):
                return value
            }
        }
        if let value { waiter.resume(value) }
    }
}
