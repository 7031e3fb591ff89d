internal import Dispatch
internal import Synchronization

/// Someone who waits for one answer: a suspended task or a blocked thread.
///
/// State machines store these, hand them out when the answer is known, and the caller resumes them outside the lock.
enum Waiter<Answer: Sendable>: Sendable {
    case task(UnsafeContinuation<Answer, Never>)
    case thread(BlockedThread<Answer>)

    func resume(_ answer: Answer) {
        switch self {
        case .task(let continuation): continuation.resume(returning: answer)
        case .thread(let thread): thread.resume(answer)
        }
    }
}

/// A thread that waits for one answer.
final class BlockedThread<Answer: Sendable>: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)
    private let answer = Mutex<Answer?>(nil)

    func resume(_ answer: Answer) {
        self.answer.withLock { $0 = answer }
        semaphore.signal()
    }

    func wait() -> Answer {
        while true {
            semaphore.wait()
            if let answer = answer.withLock({ $0 }) { return answer }
        }
    }

    /// Nil when no answer came in time; one that comes later is lost.
    func wait(atMost time: Duration) -> Answer? {
        _ = semaphore.wait(timeout: .now() + .milliseconds(time.milliseconds))
        return answer.withLock { $0 }
    }
}

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

    var valueIfDone: Value? {
        state.withLock { if case .done(let value) = $0 { value } else { nil } }
    }

    func value() async -> Value {
        await withUnsafeContinuation { add(.task($0)) }
    }

    func wait() -> Value {
        let thread = BlockedThread<Value>()
        add(.thread(thread))
        return thread.wait()
    }

    /// Nil when it hasn't come in time.
    func wait(atMost time: Duration) -> Value? {
        let thread = BlockedThread<Value>()
        add(.thread(thread))
        return thread.wait(atMost: time)
    }

    private func add(_ waiter: Waiter<Value>) {
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
