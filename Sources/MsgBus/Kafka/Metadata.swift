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

    /// The brokers, and all topics or a single one. Blocks up to the time given; only for `work` and for connecting.
    func description(
        of topic: String?,
        within time: Duration
    ) throws(MsgBusError) -> (brokers: [BrokerDescription], topics: [String: Result<TopicDescription, MsgBusError>]) {
        // Not one of those that are kept: it may be about to be deleted.
        let handle = topic.map { CHandle(rd_kafka_topic_new(self.handle.pointer, $0, nil)!) }
        defer { if let handle { rd_kafka_topic_destroy(handle.pointer) } }
        return try metadata(of: handle, all: topic == nil, within: time) { metadata in
            let brokers = (0..<Int(metadata.broker_cnt)).map { index in
                let broker = metadata.brokers[index]
                return BrokerDescription(id: Int(broker.id), host: text(broker.host) ?? "", port: Int(broker.port))
            }
            var topics: [String: Result<TopicDescription, MsgBusError>] = [:]
            for index in 0..<Int(metadata.topic_cnt) {
                guard let name = text(metadata.topics[index].topic) else { continue }
                topics[name] = Self.description(of: name, metadata.topics[index])
            }
            return (brokers.sorted { $0.id < $1.id }, topics)
        }
    }

    private static func description(
        of name: String,
        _ topic: rd_kafka_metadata_topic
    ) -> Result<TopicDescription, MsgBusError> {
        guard topic.err == RD_KAFKA_RESP_ERR_NO_ERROR else {
            return .failure(MsgBusError(kafka: topic.err, topic: name))
        }
        func numbers(_ start: UnsafePointer<Int32>?, _ count: Int32) -> [Int] {
            start.map { UnsafeBufferPointer(start: $0, count: Int(count)).map { Int($0) } } ?? []
        }
        let partitions = (0..<Int(topic.partition_cnt)).map { index in
            let partition = topic.partitions[index]
            return PartitionDescription(
                partition: Int(partition.id),
                leader: partition.leader < 0 ? nil : Int(partition.leader),
                replicas: numbers(partition.replicas, partition.replica_cnt),
                inSyncReplicas: numbers(partition.isrs, partition.isr_cnt)
            )
        }
        return .success(
            TopicDescription(
                name: name,
                isInternal: TopicDescription.isInternal(name),
                partitions: partitions.sorted { $0.partition < $1.partition }
            )
        )
    }

    /// The cluster's id; nil if it has none. Blocks up to the time given.
    func clusterID(within time: Duration) -> String? {
        guard let id = rd_kafka_clusterid(handle.pointer, Int32(time.milliseconds)) else { return nil }
        defer { rd_kafka_mem_free(handle.pointer, id) }
        return String(cString: id)
    }

    /// The broker that administers the cluster; nil if none is known. Blocks up to the time given.
    func controllerID(within time: Duration) -> Int? {
        let id = rd_kafka_controllerid(handle.pointer, Int32(time.milliseconds))
        return id < 0 ? nil : Int(id)
    }

    /// The offsets of the first messages not older than a time, or of the end or the beginning (``ConsumerClient/end``,
    /// ``ConsumerClient/beginning``). Blocks up to the time given.
    ///
    /// A time after the last message has no offset: nil.
    func offsets(
        for times: [TopicPartition: Int64],
        within time: Duration
    ) throws(MsgBusError) -> [TopicPartition: Result<Int64?, MsgBusError>] {
        guard !times.isEmpty else { return [:] }
        let list = PartitionList(times)
        let code = rd_kafka_offsets_for_times(handle.pointer, list.pointer, Int32(time.milliseconds))
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw MsgBusError(kafka: code) }
        var offsets: [TopicPartition: Result<Int64?, MsgBusError>] = [:]
        for element in list.elements {
            offsets[element.partition] = element.result("can't learn the offsets").map { $0 < 0 ? nil : $0 }
        }
        return offsets
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
