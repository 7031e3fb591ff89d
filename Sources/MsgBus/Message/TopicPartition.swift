/// A partition of a topic.
public struct TopicPartition: Sendable, Hashable {
    /// The topic.
    public var topic: String
    /// The partition's number, from 0.
    public var partition: Int

    /// Names a partition.
    public init(topic: String, partition: Int) {
        self.topic = topic
        self.partition = partition
    }
}

extension TopicPartition: Comparable {
    /// By topic, then by number.
    public static func < (left: Self, right: Self) -> Bool {
        (left.topic, left.partition) < (right.topic, right.partition)
    }
}

extension TopicPartition: CustomStringConvertible {
    /// For example `orders/3`.
    public var description: String { "\(topic)/\(partition)" }
}
