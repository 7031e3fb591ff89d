/// What a purge did: ``BusAdmin/purge(_:partitions:allowingInternal:timeout:)``.
public struct PurgeReport: Sendable, Hashable {
    /// The topic.
    public var topic: String
    /// Its partitions, by number.
    public var partitions: [PurgedPartition]

    /// How many offsets the messages had that are gone now, in all partitions.
    public var deleted: Int64 { partitions.reduce(0) { $0 + $1.deleted } }
}

/// A partition that was purged.
public struct PurgedPartition: Sendable, Hashable {
    /// Its number.
    public var partition: Int
    /// How many offsets the messages had that are gone now. Of a transactional topic not every offset is a message.
    public var deleted: Int64
    /// The end when the purge began, before which nothing is left: messages from there on came later, and were let be.
    public var end: Int64
}
