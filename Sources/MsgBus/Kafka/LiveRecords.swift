internal import Synchronization

/// The batches of one client whose records are still librdkafka's.
final class LiveRecords: Sendable {
    private struct Entry: Sendable { weak var batch: RecordBatch? }

    private struct State {
        var entries: [ObjectIdentifier: Entry] = [:]
        var whenEmpty: [OneShot<Void>] = []
    }

    private let state = Mutex(State())

    func add(_ batch: RecordBatch) {
        state.withLock { $0.entries[ObjectIdentifier(batch)] = Entry(batch: batch) }
    }

    func remove(_ batch: RecordBatch) {
        let id = ObjectIdentifier(batch)
        let waiters = state.withLock { state -> [OneShot<Void>] in
            state.entries[id] = nil
            guard state.entries.isEmpty else { return [] }
            defer { state.whenEmpty = [] }
            return state.whenEmpty
        }
        for waiter in waiters { waiter.resolve(()) }
    }

    /// Has every batch give its records back.
    ///
    /// - Returns: Resolved when the last one did, which takes as long as somebody is inside a `withValueBytes`.
    func detachAll() -> OneShot<Void> {
        let empty = OneShot<Void>()
        let batches = state.withLock { state in
            if state.entries.isEmpty { empty.resolve(()) } else { state.whenEmpty.append(empty) }
            return state.entries.values.compactMap { $0.batch }
        }
        for batch in batches { batch.detach() }
        return empty
    }
}
