internal import Synchronization

/// Gathers the outcomes of a batch of writes for one waiter.
final class BatchCollector: Sendable {
    typealias Outcome = Result<Delivery, MsgBusError>

    private struct State {
        var outcomes: [Outcome?]
        var missing: Int
        var waiter: Waiter<[Outcome]>?
    }

    private let state: Mutex<State>

    init(count: Int) {
        state = Mutex(State(outcomes: Array(repeating: nil, count: count), missing: count))
    }

    func set(_ outcome: Outcome, at index: Int) {
        let finished: (Waiter<[Outcome]>, [Outcome])? = state.withLock { state in
            guard state.outcomes[index] == nil else { return nil }
            state.outcomes[index] = outcome
            state.missing -= 1
            guard state.missing == 0, let waiter = state.waiter else { return nil }
            state.waiter = nil
            return (waiter, state.outcomes.compactMap { $0 })
        }
        if let (waiter, outcomes) = finished { waiter.resume(outcomes) }
    }

    /// The outcomes in order, once all are there.
    func outcomes() async -> [Outcome] {
        await withUnsafeContinuation { continuation in
            let finished: [Outcome]? = state.withLock { state in
                guard state.missing > 0 else { return state.outcomes.compactMap { $0 } }
                state.waiter = .task(continuation)
                return nil
            }
            if let finished { continuation.resume(returning: finished) }
        }
    }
}
