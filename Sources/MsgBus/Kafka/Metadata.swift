internal import CRdKafka

/// What the cluster says about one topic.
enum TopicMetadata: Sendable {
    /// It exists and has partitions 0..<count.
    case partitions(Int)
    /// For a pattern instead of a name: all topics, and how many partitions each has.
    case all([String: Int])
    /// It doesn't exist, or the cluster can't say yet.
    case missing(MsgBusError)
}

/// What a probe of a suspect connection found.
enum Probe {
    /// A broker answered.
    case answered
    /// A connection is up, and nobody answered in time.
    case silent
    /// There is no connection.
    case unreachable
}

extension KafkaClient {
    /// Asks the cluster about a topic. Blocks up to the time given; only for `work` and for connecting.
    ///
    /// A writer's question creates the topic where the broker is set to do so.
    func topicMetadata(_ topic: String, within time: Duration) throws(MsgBusError) -> TopicMetadata {
        let name = topic
        return try metadata(of: topicHandle(topic), within: time) { metadata in
            guard metadata.topic_cnt > 0, let topic = metadata.topics?.pointee else {
                return .missing(MsgBusError(.unknownTopic, "the cluster says nothing of the topic", topic: name))
            }
            guard topic.err == RD_KAFKA_RESP_ERR_NO_ERROR else {
                return .missing(MsgBusError(kafka: topic.err, topic: name))
            }
            guard topic.partition_cnt > 0 else {
                let error = MsgBusError(
                    .notAvailable,
                    "the topic has no partitions yet",
                    topic: name,
                    isRetriable: true
                )
                return .missing(error)
            }
            return .partitions(Int(topic.partition_cnt))
        }
    }

    /// All topics, and how many partitions each has. Blocks up to the time given.
    func allTopics(within time: Duration) throws(MsgBusError) -> [String: Int] {
        try metadata(of: nil, all: true, within: time) { metadata in
            var topics: [String: Int] = [:]
            for index in 0..<Int(metadata.topic_cnt) {
                let topic = metadata.topics[index]
                guard topic.err == RD_KAFKA_RESP_ERR_NO_ERROR, topic.partition_cnt > 0 else { continue }
                topics[String(cString: topic.topic)] = Int(topic.partition_cnt)
            }
            return topics
        }
    }

    /// Asks the cluster for a sign of life. Blocks up to the time given.
    func signOfLife(within time: Duration) -> Probe {
        do throws(MsgBusError) {
            try metadata(of: nil, within: time) { _ in }
            return .answered
        } catch {
            // It had somebody to ask, and only the answer was missing.
            return error.code == .timeout ? .silent : .unreachable
        }
    }

    private func metadata<Result>(
        of topic: CHandle?,
        all: Bool = false,
        within time: Duration,
        _ body: (rd_kafka_metadata) -> Result
    ) throws(MsgBusError) -> Result {
        var metadata: UnsafePointer<rd_kafka_metadata>?
        let code = rd_kafka_metadata(handle.pointer, all ? 1 : 0, topic?.pointer, &metadata, Int32(time.milliseconds))
        // The pointer is left alone on an error.
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR, let metadata else { throw MsgBusError(kafka: code) }
        defer { rd_kafka_metadata_destroy(metadata) }
        return body(metadata.pointee)
    }
}
