internal import CRdKafka

// What is asked about topics, partitions and their records.
extension AdminRequest where Answer == [Result<Void, MsgBusError>] {
    /// Creates topics, which have to be valid ones; with `validateOnly` the brokers only say whether they would. The results are in the topics' order.
    static func createTopics(
        _ topics: [NewTopic],
        validateOnly: Bool = false
    ) -> AdminRequest {
        let context = topics.count == 1 ? "can't create the topic" : "can't create the topics"
        return AdminRequest(context: context) { client, options, answers in
            if validateOnly { rd_kafka_AdminOptions_set_validate_only(options, 1, nil, 0) }
            var news: [OpaquePointer?] = topics.compactMap { topic in
                let new = rd_kafka_NewTopic_new(
                    topic.name,
                    Int32(clamping: topic.partitions ?? -1),
                    Int32(clamping: topic.replicationFactor ?? -1),
                    nil,
                    0
                )
                for (key, value) in topic.configuration.sorted(by: { $0.key < $1.key }) {
                    rd_kafka_NewTopic_set_config(new, key, value)
                }
                return new
            }
            rd_kafka_CreateTopics(client, &news, news.count, options, answers)
            rd_kafka_NewTopic_destroy_array(&news, news.count)
        } read: { (event) throws(MsgBusError) in
            var count = 0
            let results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count)
            return topicResults(results, count, topics.map(\.name), context)
        }
    }

    /// Deletes topics. The results are in the names' order.
    static func deleteTopics(_ names: [String]) -> AdminRequest {
        let context = names.count == 1 ? "can't delete the topic" : "can't delete the topics"
        return AdminRequest(context: context) { client, options, answers in
            var topics: [OpaquePointer?] = names.map { rd_kafka_DeleteTopic_new($0) }
            rd_kafka_DeleteTopics(client, &topics, topics.count, options, answers)
            rd_kafka_DeleteTopic_destroy_array(&topics, topics.count)
        } read: { (event) throws(MsgBusError) in
            var count = 0
            let results = rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), &count)
            return topicResults(results, count, names, context)
        }
    }

    /// Adds partitions to a topic, so that it has that many.
    static func createPartitions(of topic: String, total: Int) -> AdminRequest {
        let context = "can't add partitions"
        return AdminRequest(context: context) { client, options, answers in
            var partitions = rd_kafka_NewPartitions_new(topic, total, nil, 0)
            rd_kafka_CreatePartitions(client, &partitions, 1, options, answers)
            rd_kafka_NewPartitions_destroy(partitions)
        } read: { (event) throws(MsgBusError) in
            var count = 0
            let results = rd_kafka_CreatePartitions_result_topics(rd_kafka_event_CreatePartitions_result(event), &count)
            return topicResults(results, count, [topic], context)
        }
    }

    private static func topicResults(
        _ results: UnsafeMutablePointer<OpaquePointer?>?,
        _ count: Int,
        _ names: [String],
        _ context: String
    ) -> [Result<Void, MsgBusError>] {
        var items = Items<Void>()
        for result in elements(results, count) {
            guard let name = text(rd_kafka_topic_result_name(result)) else { continue }
            let code = rd_kafka_topic_result_error(result)
            guard code != RD_KAFKA_RESP_ERR_NO_ERROR else {
                items.set(name, .success(()))
                continue
            }
            let reason = text(rd_kafka_topic_result_error_string(result))
            items.set(name, .failure(MsgBusError(kafka: code, context, reason: reason, topic: name)))
        }
        return items.results(names, context)
    }
}

extension AdminRequest where Answer == [TopicPartition: Result<Int64, MsgBusError>] {
    /// Deletes all messages before an offset of each partition. The answers are the partitions' oldest offsets from then on.
    static func deleteRecords(before offsets: [TopicPartition: Int64]) -> AdminRequest {
        let context = "can't purge the topic"
        return AdminRequest(context: context) { client, options, answers in
            let list = PartitionList(offsets)
            var records = rd_kafka_DeleteRecords_new(list.pointer)
            rd_kafka_DeleteRecords(client, &records, 1, options, answers)
            rd_kafka_DeleteRecords_destroy(records)
        } read: { (event) throws(MsgBusError) in
            guard let result = rd_kafka_event_DeleteRecords_result(event),
                let list = rd_kafka_DeleteRecords_result_offsets(result)
            else { throw MsgBusError(.internal, "\(context): the answer says nothing of its partitions") }
            var marks: [TopicPartition: Result<Int64, MsgBusError>] = [:]
            for element in PartitionList.elements(of: list) {
                marks[element.partition] = element.result(context)
            }
            return marks
        }
    }
}

extension AdminRequest where Answer == Set<String> {
    /// Which of some topics the brokers call internal; nil where librdkafka is too old to ask (before 2.3).
    static func internalTopics(of names: [String]) -> AdminRequest? {
        guard crdkafka_has_describe_topics() != 0 else { return nil }
        return AdminRequest(context: "can't describe the topics") { client, options, answers in
            withCStrings(names) { crdkafka_describe_topics(client, $0, names.count, options, answers) }
        } read: { (event) throws(MsgBusError) in
            var topics: Set<String> = []
            var index = 0
            var hasMore: Int32 = 1
            while true {
                let name = text(crdkafka_described_internal_topic(event, index, &hasMore))
                guard hasMore != 0 else { return topics }
                if let name { topics.insert(name) }
                index += 1
            }
        }
    }
}

/// Lends texts as C has them.
func withCStrings(_ texts: [String], _ body: (UnsafeMutablePointer<UnsafePointer<CChar>?>) -> Void) {
    var bytes: [CChar] = []
    var starts: [Int] = []
    for text in texts {
        starts.append(bytes.count)
        bytes += text.utf8CString
    }
    // One more, so that there is a pointer even for no texts.
    bytes.append(0)
    bytes.withUnsafeBufferPointer { buffer in
        var pointers: [UnsafePointer<CChar>?] = starts.map { buffer.baseAddress! + $0 } + [nil]
        body(&pointers)
    }
}
