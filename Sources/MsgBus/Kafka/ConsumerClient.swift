internal import CRdKafka

/// A `rd_kafka_t` that reads. All calls but ``take(upTo:)`` can block: only for `work` and for connecting.
///
/// Messages go to a queue of our own: each partition's queue is forwarded to it before the partition is assigned. The
/// consumer's queue, with rebalances and errors, is always polled; messages are only taken when the reader has room. So a slow
/// reader stays in its group, and librdkafka's own limits stop the fetching.
final class ConsumerClient: Sendable {
    let client: KafkaClient
    let records = LiveRecords()
    private let messages: CHandle
    /// Where librdkafka puts what it hands over. Only used on the poll loop's queue.
    private nonisolated(unsafe) let scratch = UnsafeMutablePointer<Records.Record?>.allocate(capacity: batchLimit)

    static let batchLimit = 1000

    init(_ client: KafkaClient) {
        self.client = client
        messages = CHandle(rd_kafka_queue_new(client.handle.pointer)!)
        client.watch(messages, .messages)
    }

    deinit { scratch.deallocate() }

    // MARK: Messages

    /// Takes what has arrived, never waits. Only on the poll loop's queue.
    ///
    /// - Parameter epoch: What the batch is stamped with.
    /// - Returns: Nil when nothing was left; then the next arrival signals. Fewer than asked for doesn't mean that. And the
    ///   partitions whose end was reached, each with the offset there.
    func take(upTo limit: Int, epoch: Int) -> (batch: RecordBatch, ends: [TopicPartition: Int64])? {
        let taken = rd_kafka_consume_batch_queue(messages.pointer, 0, scratch, min(limit, Self.batchLimit))
        guard taken > 0 else { return nil }
        let buffer = UnsafeMutablePointer<Records.Record?>.allocate(capacity: taken)
        var count = 0
        var ends: [TopicPartition: Int64] = [:]
        for index in 0..<taken {
            guard let record = scratch[index] else { continue }
            // Its payload is then a text, not a message.
            if record.pointee.err != RD_KAFKA_RESP_ERR_NO_ERROR {
                if record.pointee.err == RD_KAFKA_RESP_ERR__PARTITION_EOF {
                    let topic = String(cString: rd_kafka_topic_name(record.pointee.rkt))
                    let partition = TopicPartition(topic: topic, partition: Int(record.pointee.partition))
                    ends[partition] = record.pointee.offset
                    rd_kafka_message_destroy(record)
                } else {
                    report(record)
                }
                continue
            }
            (buffer + count).initialize(to: record)
            count += 1
        }
        return (RecordBatch(buffer, count: count, epoch: epoch, owner: records), ends)
    }

    private func report(_ record: Records.Record) {
        var reason: String?
        if let text = record.pointee.payload {
            reason = String(decoding: UnsafeRawBufferPointer(start: text, count: record.pointee.len), as: UTF8.self)
        }
        let error = MsgBusError(
            kafka: record.pointee.err,
            reason: reason,
            topic: record.pointee.rkt.map { String(cString: rd_kafka_topic_name($0)) },
            partition: Int(record.pointee.partition),
            offset: record.pointee.offset
        )
        rd_kafka_message_destroy(record)
        client.report(error)
    }

    // MARK: Assignment

    func subscribe(to topics: [String]) throws(MsgBusError) {
        let list = PartitionList(topics.map { TopicPartition(topic: $0, partition: -1) })
        try check(rd_kafka_subscribe(client.handle.pointer, list.pointer), "can't subscribe to \(topics)")
    }

    /// Adds partitions to what is read, each from an offset; answers a group's rebalance where one waits.
    func assign(_ offsets: [TopicPartition: Int64], incrementally: Bool) throws(MsgBusError) {
        for partition in offsets.keys { forward(partition) }
        let list = PartitionList(offsets)
        if incrementally {
            try check(rd_kafka_incremental_assign(client.handle.pointer, list.pointer), "can't assign partitions")
        } else {
            try check(rd_kafka_assign(client.handle.pointer, list.pointer), "can't assign partitions")
        }
    }

    /// Gives partitions up, all of them unless incrementally.
    func unassign(_ partitions: [TopicPartition], incrementally: Bool) throws(MsgBusError) {
        if incrementally {
            let list = PartitionList(partitions)
            try check(rd_kafka_incremental_unassign(client.handle.pointer, list.pointer), "can't give partitions up")
        } else {
            try check(rd_kafka_assign(client.handle.pointer, nil), "can't give partitions up")
        }
    }

    /// Whether the group uses a cooperative assignor. Never after a close has begun: it may then not return.
    var isCooperative: Bool {
        rd_kafka_rebalance_protocol(client.handle.pointer).map { String(cString: $0) } == "COOPERATIVE"
    }

    /// Whether the partitions that are being revoked are another member's already.
    var isAssignmentLost: Bool { rd_kafka_assignment_lost(client.handle.pointer) != 0 }

    // MARK: Flow

    /// Stops fetching partitions, and throws away what librdkafka has of them.
    func pause(_ partitions: Set<TopicPartition>) throws(MsgBusError) {
        guard !partitions.isEmpty else { return }
        let list = PartitionList(partitions)
        try check(rd_kafka_pause_partitions(client.handle.pointer, list.pointer), "can't pause partitions")
    }

    /// Fetches paused partitions again.
    func resume(_ partitions: Set<TopicPartition>) throws(MsgBusError) {
        guard !partitions.isEmpty else { return }
        let list = PartitionList(partitions)
        try check(rd_kafka_resume_partitions(client.handle.pointer, list.pointer), "can't resume partitions")
    }

    /// Goes on at other offsets. What librdkafka has of the partitions is thrown away; what was taken before is the caller's.
    func seek(_ offsets: [TopicPartition: Int64], within time: Duration) throws(MsgBusError) {
        guard !offsets.isEmpty else { return }
        let list = PartitionList(offsets)
        // Before 2.1 the time is taken for microseconds (librdkafka #4230).
        let milliseconds =
            LibraryVersion.number < 0x0201_00ff ? min(time.milliseconds, 2_000_000) * 1000 : time.milliseconds
        try check(rd_kafka_seek_partitions(client.handle.pointer, list.pointer, Int32(milliseconds)), "can't seek")
        for element in list.elements where element.error != RD_KAFKA_RESP_ERR_NO_ERROR {
            throw MsgBusError(
                kafka: element.error,
                "can't seek",
                topic: element.partition.topic,
                partition: element.partition.partition,
                offset: element.offset
            )
        }
    }

    private func forward(_ partition: TopicPartition) {
        let queue = rd_kafka_queue_get_partition(
            client.handle.pointer,
            partition.topic,
            Int32(partition.partition)
        )
        guard let queue else { return }
        rd_kafka_queue_forward(queue, messages.pointer)
        rd_kafka_queue_destroy(queue)
    }

    // MARK: Offsets

    /// In place of an offset or of a time: after the last message.
    static let end: Int64 = -1
    /// In place of an offset or of a time: with the oldest message.
    static let beginning: Int64 = -2
    /// In place of an offset: what the group has committed.
    static let stored = Int64(RD_KAFKA_OFFSET_STORED)

    /// What the group has committed; partitions without a commit are missing from the answer.
    func committed(
        _ partitions: [TopicPartition],
        within time: Duration
    ) throws(MsgBusError) -> [TopicPartition: Int64] {
        let list = PartitionList(partitions)
        try check(
            rd_kafka_committed(client.handle.pointer, list.pointer, Int32(time.milliseconds)),
            "can't learn the group's offsets"
        )
        return try offsets(list, "can't learn the group's offset")
    }

    /// The offsets of the first messages not older than a time, or of the end (-1) or the beginning (-2).
    ///
    /// A time after the last message has no offset: such partitions are missing from the answer.
    func offsets(
        for times: [TopicPartition: Int64],
        within time: Duration
    ) throws(MsgBusError) -> [TopicPartition: Int64] {
        let list = PartitionList(times)
        try check(
            rd_kafka_offsets_for_times(client.handle.pointer, list.pointer, Int32(time.milliseconds)),
            "can't learn the topic's offsets"
        )
        return try offsets(list, "can't learn the topic's offset")
    }

    /// How far behind the end these positions are, as far as librdkafka knows without asking: from the last fetch.
    func knownLags(_ positions: [TopicPartition: Int64]) -> [TopicPartition: Int64] {
        var lags: [TopicPartition: Int64] = [:]
        for (partition, position) in positions where position >= 0 {
            var low: Int64 = 0
            var high: Int64 = 0
            let code = rd_kafka_get_watermark_offsets(
                client.handle.pointer,
                partition.topic,
                Int32(partition.partition),
                &low,
                &high
            )
            if code == RD_KAFKA_RESP_ERR_NO_ERROR, high >= 0 { lags[partition] = max(0, high - position) }
        }
        return lags
    }

    private func offsets(
        _ list: borrowing PartitionList,
        _ context: String
    ) throws(MsgBusError) -> [TopicPartition: Int64] {
        var offsets: [TopicPartition: Int64] = [:]
        for element in list.elements {
            guard element.error == RD_KAFKA_RESP_ERR_NO_ERROR else {
                throw MsgBusError(
                    kafka: element.error,
                    context,
                    topic: element.partition.topic,
                    partition: element.partition.partition
                )
            }
            if element.offset >= 0 { offsets[element.partition] = element.offset }
        }
        return offsets
    }

    /// Commits offsets, each that of the next message to read, and waits for the answer; a close ends that unless it asks itself.
    func commit(
        _ offsets: [TopicPartition: Int64],
        within time: Duration,
        evenIfClosed: Bool = false
    ) throws(MsgBusError) {
        guard !offsets.isEmpty else { return }
        let list = PartitionList(offsets)
        let answers = rd_kafka_queue_new(client.handle.pointer)!
        defer { rd_kafka_queue_destroy(answers) }
        let context = "can't commit"
        try check(rd_kafka_commit_queue(client.handle.pointer, list.pointer, answers, nil, nil), context)
        let deadline = Moment.after(time)
        while true {
            let left = Moment.now.duration(to: deadline)
            guard left > .zero else {
                throw MsgBusError(.timeout, "the commit wasn't answered within \(time)", isRetriable: true)
            }
            if client.isClosed, !evenIfClosed { throw MsgBusError(.closed, "\(context): the reader is being closed") }
            guard let event = rd_kafka_queue_poll(answers, Int32(min(left, .milliseconds(100)).milliseconds)) else {
                continue
            }
            defer { rd_kafka_event_destroy(event) }
            guard rd_kafka_event_type(event) == RD_KAFKA_EVENT_OFFSET_COMMIT else { continue }
            try check(rd_kafka_event_error(event), context)
            guard let list = rd_kafka_event_topic_partition_list(event) else { return }
            for element in PartitionList.elements(of: list) where element.error != RD_KAFKA_RESP_ERR_NO_ERROR {
                throw MsgBusError(
                    kafka: element.error,
                    context,
                    topic: element.partition.topic,
                    partition: element.partition.partition,
                    offset: element.offset
                )
            }
            return
        }
    }

    // MARK: Close

    /// Begins to leave the group. The rebalance that gives the partitions up has to be answered as any other.
    ///
    /// - Returns: False when a fatal error has ended the membership already, so that there is nothing to wait for.
    func beginClose() -> Bool {
        let queue = rd_kafka_queue_get_consumer(client.handle.pointer)
        defer { if let queue { rd_kafka_queue_destroy(queue) } }
        guard let error = rd_kafka_consumer_close_queue(client.handle.pointer, queue) else { return true }
        let code = rd_kafka_error_code(error)
        rd_kafka_error_destroy(error)
        client.log.debug("closing the consumer: \(String(cString: rd_kafka_err2str(code)))")
        return false
    }

    /// Whether it has left.
    var hasClosed: Bool { rd_kafka_consumer_closed(client.handle.pointer) != 0 }

    private func check(_ code: rd_kafka_resp_err_t, _ context: String) throws(MsgBusError) {
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw MsgBusError(kafka: code, context) }
    }

    private func check(_ error: OpaquePointer?, _ context: String) throws(MsgBusError) {
        guard let error else { return }
        defer { rd_kafka_error_destroy(error) }
        throw MsgBusError(
            kafka: rd_kafka_error_code(error),
            context,
            reason: rd_kafka_error_string(error).map { String(cString: $0) }
        )
    }
}
