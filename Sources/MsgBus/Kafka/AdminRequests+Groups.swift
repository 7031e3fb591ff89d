internal import CRdKafka

// What is asked about groups.
extension AdminRequest where Answer == GroupList {
    /// All groups that the brokers know.
    static var listGroups: AdminRequest {
        let context = "can't list the groups"
        return AdminRequest(context: context) { client, options, answers in
            rd_kafka_ListConsumerGroups(client, options, answers)
        } read: { (event) throws(MsgBusError) in
            let result = rd_kafka_event_ListConsumerGroups_result(event)
            var count = 0
            var groups: [GroupListing] = []
            for group in elements(rd_kafka_ListConsumerGroups_result_valid(result, &count), count) {
                guard let id = text(rd_kafka_ConsumerGroupListing_group_id(group)) else { continue }
                let state = GroupState(rd_kafka_ConsumerGroupListing_state(group))
                let isSimple = rd_kafka_ConsumerGroupListing_is_simple_consumer_group(group) == 1
                groups.append(GroupListing(id: id, state: state, isSimple: isSimple))
            }
            count = 0
            let errors = elements(rd_kafka_ListConsumerGroups_result_errors(result, &count), count)
            return GroupList(
                groups: groups.sorted { $0.id < $1.id },
                errors: errors.compactMap { MsgBusError.carried(by: $0, context) }
            )
        }
    }
}

extension AdminRequest where Answer == [Result<GroupDescription, MsgBusError>] {
    /// Groups with their members, in the order of the names, which have to be different ones.
    static func describeGroups(_ names: [String]) -> AdminRequest {
        let context = "can't describe the group"
        return AdminRequest(context: context, isForCoordinator: true) { client, options, answers in
            withCStrings(names) { rd_kafka_DescribeConsumerGroups(client, $0, names.count, options, answers) }
        } read: { (event) throws(MsgBusError) in
            var count = 0
            let result = rd_kafka_event_DescribeConsumerGroups_result(event)
            let groups = rd_kafka_DescribeConsumerGroups_result_groups(result, &count)
            var items = Items<GroupDescription>()
            for group in elements(groups, count) {
                guard let name = text(rd_kafka_ConsumerGroupDescription_group_id(group)) else { continue }
                if let error = MsgBusError.carried(by: rd_kafka_ConsumerGroupDescription_error(group), context) {
                    items.set(name, .failure(error))
                } else {
                    items.set(name, .success(GroupDescription(name, group)))
                }
            }
            return items.results(names, context)
        }
    }
}

extension AdminRequest where Answer == [Result<Void, MsgBusError>] {
    /// Deletes groups with all that they have committed. The results are in the order of the names.
    static func deleteGroups(_ names: [String]) -> AdminRequest {
        let context = "can't delete the group"
        return AdminRequest(context: context, isForCoordinator: true) { client, options, answers in
            var groups: [OpaquePointer?] = names.map { rd_kafka_DeleteGroup_new($0) }
            rd_kafka_DeleteGroups(client, &groups, groups.count, options, answers)
            rd_kafka_DeleteGroup_destroy_array(&groups, groups.count)
        } read: { (event) throws(MsgBusError) in
            var count = 0
            let groups = rd_kafka_DeleteGroups_result_groups(rd_kafka_event_DeleteGroups_result(event), &count)
            var items = Items<Void>()
            for group in elements(groups, count) {
                guard let name = text(rd_kafka_group_result_name(group)) else { continue }
                let error = MsgBusError.carried(by: rd_kafka_group_result_error(group), context)
                items.set(name, error.map { .failure($0) } ?? .success(()))
            }
            return items.results(names, context)
        }
    }
}

extension AdminRequest where Answer == [TopicPartition: Result<Int64, MsgBusError>] {
    /// What a group has committed, of some partitions or of all; partitions without a commit are missing.
    static func committedOffsets(of group: String, _ partitions: [TopicPartition]?) -> AdminRequest {
        let context = "can't learn the offsets of the group \"\(group)\""
        return AdminRequest(context: context, isForCoordinator: true) { client, options, answers in
            var request: OpaquePointer?
            if let partitions {
                let list = PartitionList(partitions)
                request = rd_kafka_ListConsumerGroupOffsets_new(group, list.pointer)
            } else {
                request = rd_kafka_ListConsumerGroupOffsets_new(group, nil)
            }
            rd_kafka_ListConsumerGroupOffsets(client, &request, 1, options, answers)
            rd_kafka_ListConsumerGroupOffsets_destroy(request)
        } read: { (event) throws(MsgBusError) in
            let result = rd_kafka_event_ListConsumerGroupOffsets_result(event)
            return try offsets(in: result, rd_kafka_ListConsumerGroupOffsets_result_groups, context).filter {
                _,
                offset in
                if case .success(..<0) = offset { false } else { true }
            }
        }
    }

    /// Commits offsets in the name of a group that has no members. The answers are what was committed.
    static func alterOffsets(of group: String, _ offsets: [TopicPartition: Int64]) -> AdminRequest {
        let context = "can't set the offsets of the group \"\(group)\""
        return AdminRequest(context: context, isForCoordinator: true) { client, options, answers in
            let list = PartitionList(offsets)
            var request = rd_kafka_AlterConsumerGroupOffsets_new(group, list.pointer)
            rd_kafka_AlterConsumerGroupOffsets(client, &request, 1, options, answers)
            rd_kafka_AlterConsumerGroupOffsets_destroy(request)
        } read: { (event) throws(MsgBusError) in
            let result = rd_kafka_event_AlterConsumerGroupOffsets_result(event)
            return try AdminRequest.offsets(in: result, rd_kafka_AlterConsumerGroupOffsets_result_groups, context)
        }
    }

    private static func offsets(
        in result: OpaquePointer?,
        _ groups: (OpaquePointer?, UnsafeMutablePointer<Int>?) -> UnsafeMutablePointer<OpaquePointer?>?,
        _ context: String
    ) throws(MsgBusError) -> [TopicPartition: Result<Int64, MsgBusError>] {
        var count = 0
        let groups = groups(result, &count)
        guard let group = elements(groups, count).first else {
            throw MsgBusError(.internal, "\(context): the answer says nothing of the group")
        }
        if let error = MsgBusError.carried(by: rd_kafka_group_result_error(group), context) { throw error }
        var offsets: [TopicPartition: Result<Int64, MsgBusError>] = [:]
        guard let list = rd_kafka_group_result_partitions(group) else { return offsets }
        for element in PartitionList.elements(of: list) { offsets[element.partition] = element.result(context) }
        return offsets
    }
}

extension GroupState {
    fileprivate init(_ state: rd_kafka_consumer_group_state_t) {
        // "PreparingRebalance" for librdkafka, ours begin as Swift's names do.
        let name = text(rd_kafka_consumer_group_state_name(state)) ?? "unknown"
        self.init(name: name.prefix(1).lowercased() + name.dropFirst())
    }
}

extension GroupDescription {
    fileprivate init(_ id: String, _ group: OpaquePointer) {
        let count = rd_kafka_ConsumerGroupDescription_member_count(group)
        let members = (0..<count).compactMap { rd_kafka_ConsumerGroupDescription_member(group, $0) }
        let assignor = text(rd_kafka_ConsumerGroupDescription_partition_assignor(group))
        self.init(
            id: id,
            state: GroupState(rd_kafka_ConsumerGroupDescription_state(group)),
            isSimple: rd_kafka_ConsumerGroupDescription_is_simple_consumer_group(group) == 1,
            assignor: assignor?.isEmpty == false ? assignor : nil,
            coordinator: rd_kafka_ConsumerGroupDescription_coordinator(group).map { BrokerDescription($0) },
            members: members.map { GroupMember($0) }
        )
    }
}

extension GroupMember {
    fileprivate init(_ member: OpaquePointer) {
        let assignment = rd_kafka_MemberDescription_assignment(member)
        let list = assignment.flatMap { rd_kafka_MemberAssignment_partitions($0) }
        self.init(
            id: text(rd_kafka_MemberDescription_consumer_id(member)) ?? "",
            clientID: text(rd_kafka_MemberDescription_client_id(member)) ?? "",
            instanceID: text(rd_kafka_MemberDescription_group_instance_id(member)),
            host: text(rd_kafka_MemberDescription_host(member)) ?? "",
            partitions: list.map { PartitionList.elements(of: $0).map(\.partition).sorted() } ?? []
        )
    }
}

extension BrokerDescription {
    fileprivate init(_ node: OpaquePointer) {
        self.init(
            id: Int(rd_kafka_Node_id(node)),
            host: text(rd_kafka_Node_host(node)) ?? "",
            port: Int(rd_kafka_Node_port(node))
        )
    }
}
