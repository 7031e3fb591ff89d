/// A topic as the cluster knows it: ``BusAdmin/describeTopics(_:timeout:)``.
public struct TopicDescription: Sendable, Hashable {
    /// The topic's name.
    public var name: String
    /// Whether the cluster keeps it for itself, as `__consumer_offsets`. See ``BusAdmin``.
    public var isInternal: Bool
    /// Its partitions, by number.
    public var partitions: [PartitionDescription]

    /// Whether the name is one that Kafka keeps for itself: those begin with two underscores.
    static func isInternal(_ name: String) -> Bool { name.hasPrefix("__") }
}

/// A partition as the cluster knows it.
public struct PartitionDescription: Sendable, Hashable {
    /// Its number, from 0.
    public var partition: Int
    /// The broker that everybody writes to and reads from; nil when there is none at the moment.
    public var leader: Int?
    /// The brokers that have it, the preferred leader first.
    public var replicas: [Int]
    /// Those of them that have all of it. Fewer than ``replicas``: the partition is under-replicated.
    public var inSyncReplicas: [Int]
}
