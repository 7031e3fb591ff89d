internal import CRdKafka

/// librdkafka's list of partitions, in Swift's ownership.
///
/// Keep it only for the call that needs it: its elements may hold references that block the client's destruction.
struct PartitionList: ~Copyable {
    let pointer: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>

    init(capacity: Int = 0) {
        pointer = rd_kafka_topic_partition_list_new(Int32(capacity))
    }

    init(_ offsets: [TopicPartition: Int64]) {
        self.init(capacity: offsets.count)
        for (partition, offset) in offsets { append(partition, offset: offset) }
    }

    init(_ partitions: some Collection<TopicPartition>) {
        self.init(capacity: partitions.count)
        for partition in partitions { append(partition, offset: Int64(RD_KAFKA_OFFSET_INVALID)) }
    }

    deinit { rd_kafka_topic_partition_list_destroy(pointer) }

    func append(_ partition: TopicPartition, offset: Int64) {
        let element = rd_kafka_topic_partition_list_add(pointer, partition.topic, Int32(partition.partition))
        element!.pointee.offset = offset
    }

    /// A partition and an offset, or what went wrong with it.
    struct Element {
        let partition: TopicPartition
        let offset: Int64
        let error: rd_kafka_resp_err_t

        /// - Parameter context: What can't be done if it went wrong: the beginning of a sentence.
        func result(_ context: String) -> Result<Int64, MsgBusError> {
            guard error != RD_KAFKA_RESP_ERR_NO_ERROR else { return .success(offset) }
            return .failure(
                MsgBusError(kafka: error, context, topic: partition.topic, partition: partition.partition)
            )
        }
    }

    /// The partitions and offsets, and what went wrong with single ones.
    var elements: [Element] {
        Self.elements(of: pointer)
    }

    static func elements(
        of list: UnsafePointer<rd_kafka_topic_partition_list_t>
    ) -> [Element] {
        (0..<Int(list.pointee.cnt)).map { index in
            let element = list.pointee.elems[index]
            let partition = TopicPartition(topic: String(cString: element.topic), partition: Int(element.partition))
            return Element(partition: partition, offset: element.offset, error: element.err)
        }
    }
}
