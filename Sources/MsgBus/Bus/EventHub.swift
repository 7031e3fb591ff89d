internal import Synchronization

/// Tells everyone who listens what happens to a connection. Never waits for anyone.
final class EventHub: Sendable {
    private struct State {
        var listeners: [Int: AsyncStream<BusEvent>.Continuation] = [:]
        var last = 0
        var isFinished = false
        /// What happened before anyone listened, for the first who does: nobody can listen before `connect` returns.
        var early: [BusEvent]? = []
    }

    private let state = Mutex(State())
    private let metrics: ConnectionMetrics?

    init(_ metrics: ConnectionMetrics?) { self.metrics = metrics }

    func post(_ event: BusEvent) {
        metrics?.happened(event)
        // With the lock held, so that everyone hears in the same order; a stream's continuation may be used so.
        state.withLock { state in
            for listener in state.listeners.values { listener.yield(event) }
            if let count = state.early?.count, count < 100 { state.early!.append(event) }
        }
    }

    func listen() -> BusEvents { BusEvents(listener: Listener(self)) }

    /// Listens from the start, for whoever comes for it.
    final class Listener: Sendable {
        private let hub: EventHub
        private let stream: Mutex<AsyncStream<BusEvent>?>

        fileprivate init(_ hub: EventHub) {
            self.hub = hub
            stream = Mutex(hub.stream())
        }

        func takeStream() -> AsyncStream<BusEvent> {
            let first = stream.withLock { stream in
                defer { stream = nil }
                return stream
            }
            return first ?? hub.stream()
        }
    }

    private func stream() -> AsyncStream<BusEvent> {
        let (stream, continuation) = AsyncStream.makeStream(of: BusEvent.self, bufferingPolicy: .bufferingNewest(1000))
        let id: Int? = state.withLock { state in
            guard !state.isFinished else { return nil }
            state.last += 1
            state.listeners[state.last] = continuation
            for event in state.early ?? [] { continuation.yield(event) }
            state.early = nil
            return state.last
        }
        guard let id else {
            continuation.finish()
            return stream
        }
        continuation.onTermination = { [weak self] _ in
            self?.forget(id)
        }
        return stream
    }

    /// Ends all loops.
    func finish() {
        let listeners = state.withLock { state in
            state.isFinished = true
            defer { state.listeners = [:] }
            return state.listeners.values
        }
        for listener in listeners { listener.finish() }
    }

    private func forget(_ id: Int) { state.withLock { $0.listeners[id] = nil } }
}
