/// How far a group's reader is with its partitions: what it handed out, what of it is done, what is committed.
///
/// A partition's offset to commit is the lowest that is not done: whatever comes before it need not come again.
struct Progress {
    struct Partition {
        /// Handed out, by ascending offset, from the lowest that is not done.
        var handedOut = FIFO<Int64>()
        /// Those of them that are done.
        var done: Set<Int64> = []
        /// After the last one handed out.
        var next: Int64?
        var committed: Int64?
        /// Where a group that had no offset starts: committed too, lest the next owner start elsewhere.
        var start: Int64?

        /// The offset to commit; nil if there is nothing to say.
        var position: Int64? { handedOut.first ?? next ?? start }

        mutating func finish(_ offset: Int64) {
            // Done before, or handed out under an earlier assignment.
            guard let first = handedOut.first, offset >= first, offset < next ?? 0 else { return }
            done.insert(offset)
            while let first = handedOut.first, done.remove(first) != nil { _ = handedOut.popFirst() }
        }
    }

    private(set) var partitions: [(id: TopicPartition, state: Partition)] = []
    /// Where the last one asked for stands: messages come in runs of one partition, and hashing a topic's name costs more than
    /// all the rest.
    private var lastIndex = 0

    /// Begins with partitions that were assigned.
    mutating func begin(
        _ assigned: some Sequence<TopicPartition>,
        startingAt starts: [TopicPartition: Int64] = [:]
    ) {
        let assigned = Array(assigned)
        end(assigned)
        partitions += assigned.map { ($0, Partition(start: starts[$0])) }
    }

    /// Forgets partitions that were given up.
    mutating func end(_ revoked: some Sequence<TopicPartition>) {
        let revoked = Set(revoked)
        partitions.removeAll { revoked.contains($0.id) }
        lastIndex = 0
    }

    mutating func handOut(_ partition: TopicPartition, _ offset: Int64) {
        guard let index = index(of: partition) else { return }
        partitions[index].state.handedOut.append(offset)
        partitions[index].state.next = offset + 1
    }

    /// Marks a message as done.
    ///
    /// - Returns: Whether its partition is still ours; if not, the message will come again.
    mutating func finish(_ partition: TopicPartition, _ offset: Int64) -> Bool {
        guard let index = index(of: partition) else { return false }
        partitions[index].state.finish(offset)
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
