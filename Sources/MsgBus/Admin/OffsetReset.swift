/// Where to set a group's offsets: ``BusAdmin/resetOffsets(of:to:topics:dryRun:timeout:)``.
public enum OffsetReset: Sendable, Hashable {
    /// The oldest message that is there: all comes again.
    case beginning
    /// After the newest message: what is there now never comes.
    case end
    /// The first message that is not older; the end if all are.
    case time(MessageTimestamp)
    /// These, partition by partition. Each has to be one that the partition has, or its end.
    case offsets([TopicPartition: Int64])
    /// So many messages on from what is committed, back if it is negative; not beyond the beginning or the end.
    ///
    /// Partitions without a commit stay without.
    case shift(Int64)
}

/// What a reset changes in one partition.
public struct OffsetChange: Sendable, Hashable {
    /// The partition.
    public var topicPartition: TopicPartition
    /// What was committed; nil if nothing was.
    public var old: Int64?
    /// What is from now on.
    public var new: Int64
}
