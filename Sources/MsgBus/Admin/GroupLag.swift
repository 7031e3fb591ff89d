/// How far a group is behind: ``BusAdmin/lag(of:topics:timeout:)``.
public struct GroupLag: Sendable, Hashable {
    /// The group's name.
    public var group: String
    /// Its partitions, by topic and number.
    public var partitions: [PartitionLag]
    /// What is known of partitions and topics that couldn't be counted, for example since they have no leader now: ``total`` is
    /// without them.
    public var errors: [MsgBusError]

    /// The unread messages of all partitions, see ``PartitionLag/unread``.
    public var total: Int64 { partitions.reduce(0) { $0 + $1.unread } }

    /// The unread messages of each topic.
    public var topics: [String: Int64] {
        partitions.reduce(into: [:]) { $0[$1.topicPartition.topic, default: 0] += $1.unread }
    }
}

/// How far a group is behind in one partition.
public struct PartitionLag: Sendable, Hashable {
    /// The partition.
    public var topicPartition: TopicPartition
    /// What the group has committed: the offset of the next message that it reads. Nil if it has committed nothing.
    public var committed: Int64?
    /// The offset of the oldest message that is there.
    public var beginning: Int64
    /// The offset after the newest message.
    public var end: Int64

    /// How many offsets there are from what is committed to the end. Nil if nothing is.
    ///
    /// Messages that are gone, since they were purged or too old, don't count: nobody can read them any more. Of a transactional or
    /// compacted topic not every offset is a message, so there are at most that many.
    public var lag: Int64? { committed.map { max(0, end - max($0, beginning)) } }

    /// What counts in ``GroupLag/total``: ``lag``, and without a commit everything that is there, for none of it has been read.
    ///
    /// A group that starts at the end without having committed anything counts that, too, until its first commit.
    public var unread: Int64 { lag ?? max(0, end - beginning) }
}
