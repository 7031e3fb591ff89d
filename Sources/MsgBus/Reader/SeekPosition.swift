/// Where ``KafkaReader/seek(to:partitions:timeout:)`` goes.
public enum SeekPosition: Sendable, Hashable {
    /// The oldest message that there is.
    case beginning
    /// After the newest message.
    case end
    /// An offset of one partition of the reader's topic.
    case offset(Int64, partition: Int)
    /// An offset of each of some partitions.
    case offsets([TopicPartition: Int64])
    /// The first message that is not older; the end if there is none.
    case time(MessageTimestamp)
}
