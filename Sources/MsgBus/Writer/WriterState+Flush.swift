// What a flush waits for: each message belongs to an epoch, and a flush ends the current one.
extension WriterState {
    static let flushTimeout = MsgBusError(
        .timeout,
        "not all messages were delivered in time; they are still being tried",
        isRetriable: true
    )

    /// How many messages have no report yet.
    var pending: Int { pendingInEpoch + olderEpochs.reduce(0) { $0 + $1.pending } }

    var hasFlushWaiters: Bool { !flushWaiters.isEmpty }

    /// Ends the epoch; nil when nothing is pending, so that there is nothing to wait for.
    mutating func beginFlush() -> (id: UInt64, epoch: UInt32)? {
        if pendingInEpoch > 0 {
            olderEpochs.append((epoch, pendingInEpoch))
            epoch &+= 1
            pendingInEpoch = 0
        }
        guard let last = olderEpochs.last else { return nil }
        lastFlushID += 1
        return (lastFlushID, last.epoch)
    }

    mutating func awaitFlush(
        _ flush: (id: UInt64, epoch: UInt32),
        by deadline: Moment,
        _ waiter: Waiter<MsgBusError?>
    ) -> Bool {
        guard phase != .closed, olderEpochs.contains(where: { $0.epoch == flush.epoch }) else { return false }
        flushWaiters.append(FlushWaiter(id: flush.id, epoch: flush.epoch, deadline: deadline, waiter: waiter))
        return true
    }

    mutating func cancelFlush(_ id: UInt64) -> Waiter<MsgBusError?>? {
        guard let index = flushWaiters.firstIndex(where: { $0.id == id }) else { return nil }
        return flushWaiters.remove(at: index).waiter
    }

    /// The flushes that have nothing left to wait for.
    mutating func finishedFlushes() -> [Waiter<MsgBusError?>] {
        guard !flushWaiters.isEmpty else { return [] }
        let oldest = olderEpochs.first?.epoch
        func isDone(_ flush: FlushWaiter) -> Bool { oldest.map { flush.epoch < $0 } ?? true }
        defer { flushWaiters.removeAll(where: isDone) }
        return flushWaiters.filter(isDone).map(\.waiter)
    }

    mutating func leaveEpoch(_ epoch: UInt32, _ count: Int = 1) {
        if epoch == self.epoch {
            pendingInEpoch -= count
            return
        }
        guard let index = olderEpochs.firstIndex(where: { $0.epoch == epoch }) else { return }
        olderEpochs[index].pending -= count
        // Kept until all before it are empty too, for a flush waits for those as well.
        while let first = olderEpochs.first, first.pending == 0 { olderEpochs.removeFirst() }
    }
}
