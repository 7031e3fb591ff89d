internal import Dispatch
internal import Synchronization

/// Someone who waits for one answer: a suspended task, a blocked thread, or whoever a closure tells.
///
/// State machines store these, hand them out when the answer is known, and the caller resumes them outside the lock.
enum Waiter<Answer: Sendable>: Sendable {
    case task(UnsafeContinuation<Answer, Never>)
    case thread(BlockedThread<Answer>)
    case closure(@Sendable (Answer) -> Void)

    func resume(_ answer: Answer) {
        switch self {
        case .task(let continuation): continuation.resume(returning: answer)
        case .thread(let thread): thread.resume(answer)
        case .closure(let body): body(answer)
        }
    }
}

/// A thread that waits for an answer, and can then be used for another one.
final class BlockedThread<Answer: Sendable>: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)
    private let answer = Mutex<Answer?>(nil)

    func resume(_ answer: Answer) {
        self.answer.withLock { $0 = answer }
        semaphore.signal()
    }

    var isAnswered: Bool { answer.withLock { $0 != nil } }

    func wait() -> Answer {
        while true {
            semaphore.wait()
            if let answer = answer.withLock({ $0.take() }) { return answer }
        }
    }

    /// Nil when no answer came in time; one that comes later is lost.
    func wait(atMost time: Duration) -> Answer? {
        _ = semaphore.wait(timeout: .now() + .milliseconds(time.milliseconds))
        return answer.withLock { $0 }
    }
}
