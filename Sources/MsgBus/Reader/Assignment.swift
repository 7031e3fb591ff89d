/// The partitions that a group has just given to a reader, before it begins to read them: ``ReaderOptions/onAssign``.
public struct Assignment: Sendable {
    /// The partitions that are new.
    public let partitions: [TopicPartition]

    /// What the group has committed: where reading goes on unless you say otherwise. Partitions without a commit are missing, and
    /// begin at ``ReaderOptions/startFrom``.
    public let committed: [TopicPartition: Int64]

    /// Where the application wants to begin instead.
    private(set) var starts: [TopicPartition: StartPosition] = [:]

    init(_ partitions: [TopicPartition], committed: [TopicPartition: Int64]) {
        self.partitions = partitions
        self.committed = committed
    }

    /// Has a partition begin somewhere else, for example where the application itself remembers.
    ///
    /// The group learns of it: it is committed like an offset that messages led to. A partition that isn't among
    /// ``partitions`` is ignored; a negative offset or number is zero.
    public mutating func start(_ partition: TopicPartition, at position: StartPosition) {
        guard partitions.contains(partition) else { return }
        switch position {
        case .offset(let offset): starts[partition] = .offset(max(0, offset))
        case .last(let count): starts[partition] = .last(max(0, count))
        default: starts[partition] = position
        }
    }
}
