internal import Synchronization

/// The records of one client that librdkafka hasn't got back.
final class LiveRecords: Sendable {
    private struct State {
        var entries: [ObjectIdentifier: Records] = [:]
        var whenEmpty: [OneShot<Void>] = []
    }

    private let state = Mutex(State())

    func add(_ records: Records) {
        state.withLock { $0.entries[ObjectIdentifier(records)] = records }
    }

    func remove(_ records: Records) {
        let id = ObjectIdentifier(records)
        let waiters = state.withLock { state -> [OneShot<Void>] in
            state.entries[id] = nil
            guard state.entries.isEmpty else { return [] }
            defer { state.whenEmpty = [] }
            return state.whenEmpty
        }
        for waiter in waiters { waiter.resolve(()) }
    }

    /// Has all of them go back.
    ///
    /// - Returns: Resolved when the last one did, which takes as long as somebody is inside a `withValueBytes`.
    func detachAll() -> OneShot<Void> {
        let empty = OneShot<Void>()
        let all = state.withLock { state in
            if state.entries.isEmpty { empty.resolve(()) } else { state.whenEmpty.append(empty) }
            return Array(state.entries.values)
        }
        for records in all { records.detach() }
        return empty
    }
}
