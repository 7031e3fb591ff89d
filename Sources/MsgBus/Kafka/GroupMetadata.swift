internal import CRdKafka

/// Who a consumer is in its group at one moment: with it the group refuses the offsets of a member that it has replaced.
final class GroupMetadata: Sendable {
    let handle: CHandle

    fileprivate init(_ handle: CHandle) { self.handle = handle }

    deinit { rd_kafka_consumer_group_metadata_destroy(handle.pointer) }
}

extension ConsumerClient {
    /// Who this consumer is in its group now; nil when it has lost its membership.
    ///
    /// Without a membership there is still metadata, and the group would believe it everything.
    func groupMetadata() -> GroupMetadata? {
        guard let pointer = rd_kafka_consumer_group_metadata(client.handle.pointer) else { return nil }
        let metadata = GroupMetadata(CHandle(pointer))
        guard !isAssignmentLost, let member = rd_kafka_memberid(client.handle.pointer) else { return nil }
        defer { rd_kafka_mem_free(client.handle.pointer, member) }
        return member.pointee == 0 ? nil : metadata
    }
}
