/// How far a group's reader is with its partitions: what it handed out, what of it is done, what is committed.
///
/// A partition's offset to commit is the lowest that is not done: whatever comes before it need not come again.
struct Progress {
    struct Partition {
        /// Handed out and not done.
        var open = OpenOffsets()
        /// After the last one handed out.
        var next: Int64?
        /// What the group has, as far as we know.
        var committed: Int64?
        /// Where we start, if the group doesn't know that yet: committed too, lest the next owner start elsewhere.
        var start: Int64?
        /// Messages of earlier epochs are another assignment's, and another owner may have them by now.
        let assigned: Int
        /// Messages of earlier epochs were handed out before a seek, and don't count any more.
        var positioned: Int

        /// The offset to commit; nil if there is nothing to say.
        var position: Int64? { open.first ?? next ?? start }
    }

    /// What was done in a partition that is gone, without having been committed.
    private struct Remainder {
        let committed: Int64?
        let position: Int64
    }

    private(set) var partitions: [(id: TopicPartition, state: Partition)] = []
    private var remainders: [TopicPartition: Remainder] = [:]
    /// Where the last one asked for stands: messages come in runs of one partition, and hashing a topic's name costs more than
    /// all the rest.
    private var lastIndex = 0

    /// The partitions that are ours.
    var assigned: [TopicPartition] { partitions.map(\.id) }

    /// Begins with partitions that were assigned.
    ///
    /// - Parameters:
    ///   - committed: What the group has committed.
    ///   - starts: Where else we start.
    mutating func begin(
        _ assigned: some Sequence<TopicPartition>,
        committed: [TopicPartition: Int64] = [:],
        startingAt starts: [TopicPartition: Int64] = [:],
        epoch: Int = 0
    ) {
        let assigned = Array(assigned)
        remove(assigned)
        partitions += assigned.map { id in
            var state = Partition(committed: committed[id], start: starts[id], assigned: epoch, positioned: epoch)
            // Who goes back wants that to be committed, too.
            if let start = state.start, start < state.committed ?? 0 { state.committed = nil }
            return (id, state)
        }
    }

    /// Forgets partitions that were given up, but not what was done in them.
    mutating func end(_ revoked: some Sequence<TopicPartition>) {
        let revoked = Set(revoked)
        for (id, state) in partitions where revoked.contains(id) {
            if let position = state.position, position > state.committed ?? -1 {
                remainders[id] = Remainder(committed: state.committed, position: position)
            }
        }
        remove(revoked)
    }

    private mutating func remove(_ gone: some Sequence<TopicPartition>) {
        let gone = Set(gone)
        partitions.removeAll { gone.contains($0.id) }
        lastIndex = 0
    }

    /// Whether something that was done could not be committed before its partition was gone.
    var hasRemainders: Bool { !remainders.isEmpty }

    /// The partitions that it was done in.
    var remaining: [TopicPartition] { Array(remainders.keys) }

    /// Where to go on in partitions that have come back and that nobody has worked on meanwhile. Asked for once.
    mutating func takeRemainders(_ committed: [TopicPartition: Int64]) -> [TopicPartition: Int64] {
        defer { remainders = [:] }
        return remainders.filter { id, remainder in committed[id] == remainder.committed }.mapValues(\.position)
    }

    /// Messages without a gap between them are handed out.
    mutating func handOut(_ messages: Stretch) {
        let offsets = messages.offsets
        guard let index = index(of: messages.partition) else { return }
        // The offset to go on with didn't exist any more, and librdkafka went back to the oldest that does.
        if let position = partitions[index].state.position, offsets.lowerBound < position {
            partitions[index].state.open = OpenOffsets()
            partitions[index].state.committed = nil
        }
        partitions[index].state.open.append(offsets)
        partitions[index].state.next = offsets.upperBound
    }

    /// The partition goes on elsewhere: what was handed out before counts no more.
    mutating func seek(_ partition: TopicPartition, to offset: Int64, epoch: Int) {
        guard let index = index(of: partition) else { return }
        let assigned = partitions[index].state.assigned
        partitions[index].state = Partition(start: offset, assigned: assigned, positioned: epoch)
    }

    /// The partitions with messages that were handed out and aren't done, each with the first of them.
    var undone: [TopicPartition: Int64] {
        partitions.reduce(into: [:]) { undone, partition in undone[partition.id] = partition.state.open.first }
    }

    /// What was handed out and isn't committed will be handed out again.
    mutating func rewind(_ partition: TopicPartition, to offset: Int64, committed: Int64?, epoch: Int) {
        guard let index = index(of: partition) else { return }
        partitions[index].state.open = OpenOffsets()
        partitions[index].state.next = offset
        partitions[index].state.committed = committed
        partitions[index].state.positioned = epoch
    }

    /// Marks messages as done that were handed out.
    ///
    /// - Returns: Whether their partition is still ours; if not, they will come again.
    mutating func finish(_ done: Stretch) -> Bool {
        guard let index = index(of: done.partition), done.epoch >= partitions[index].state.assigned else {
            return false
        }
        if done.epoch >= partitions[index].state.positioned { partitions[index].state.open.finish(done.offsets) }
        return true
    }

    /// What can be committed and isn't yet, each the offset of the next message to read.
    var uncommitted: [TopicPartition: Int64] {
        var offsets: [TopicPartition: Int64] = [:]
        for (id, state) in partitions {
            if let position = state.position, position > state.committed ?? -1 { offsets[id] = position }
        }
        return offsets
    }

    mutating func didCommit(_ offsets: [TopicPartition: Int64]) {
        for (partition, offset) in offsets {
            guard let index = index(of: partition), offset > partitions[index].state.committed ?? -1 else { continue }
            partitions[index].state.committed = offset
        }
    }

    private mutating func index(of partition: TopicPartition) -> Int? {
        if partitions.indices.contains(lastIndex), partitions[lastIndex].id == partition { return lastIndex }
        guard let index = partitions.firstIndex(where: { $0.id == partition }) else { return nil }
        lastIndex = index
        return index
    }
}
