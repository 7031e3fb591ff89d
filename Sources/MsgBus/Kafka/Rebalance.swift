internal import CRdKafka

/// The group gave us partitions or wants them back. It waits until the consumer has answered.
struct Rebalance: Sendable {
    enum Kind: Sendable {
        case assign
        case revoke
    }

    let kind: Kind
    let partitions: [TopicPartition]

    init(_ event: OpaquePointer) {
        kind = rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS ? .assign : .revoke
        let list = rd_kafka_event_topic_partition_list(event)
        partitions = list.map { PartitionList.elements(of: $0).map(\.partition) } ?? []
    }
}
