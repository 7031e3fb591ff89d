internal import CRdKafka

/// The few administrative calls that connecting and testing need. They block: only for `work` and for connecting.
extension KafkaClient {
    func createTopic(
        _ name: String,
        partitions: Int,
        replicationFactor: Int,
        within time: Duration
    ) throws(MsgBusError) {
        let reason = UnsafeMutablePointer<CChar>.allocate(capacity: 512)
        defer { reason.deallocate() }
        reason.initialize(repeating: 0, count: 512)
        var topic = rd_kafka_NewTopic_new(name, Int32(partitions), Int32(replicationFactor), reason, 512)
        guard topic != nil else {
            throw MsgBusError(.configuration, "can't create the topic: \(String(cString: reason))", topic: name)
        }
        defer { rd_kafka_NewTopic_destroy(topic) }
        try admin(RD_KAFKA_ADMIN_OP_CREATETOPICS, "can't create the topic", name, time) { options, answers in
            rd_kafka_CreateTopics(handle.pointer, &topic, 1, options, answers)
        } results: { event in
            var count = 0
            let results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count)
            return count > 0 ? results?[0] : nil
        }
    }

    func createPartitions(_ name: String, total: Int, within time: Duration) throws(MsgBusError) {
        let reason = UnsafeMutablePointer<CChar>.allocate(capacity: 512)
        defer { reason.deallocate() }
        reason.initialize(repeating: 0, count: 512)
        var partitions = rd_kafka_NewPartitions_new(name, total, reason, 512)
        guard partitions != nil else {
            throw MsgBusError(.configuration, "can't add partitions: \(String(cString: reason))", topic: name)
        }
        defer { rd_kafka_NewPartitions_destroy(partitions) }
        try admin(RD_KAFKA_ADMIN_OP_CREATEPARTITIONS, "can't add partitions", name, time) { options, answers in
            rd_kafka_CreatePartitions(handle.pointer, &partitions, 1, options, answers)
        } results: { event in
            var count = 0
            let results = rd_kafka_CreatePartitions_result_topics(rd_kafka_event_CreatePartitions_result(event), &count)
            return count > 0 ? results?[0] : nil
        }
    }

    /// Makes a call about one topic and waits for its result. That the topic exists already is none the worse.
    private func admin(
        _ operation: rd_kafka_admin_op_t,
        _ context: String,
        _ topic: String,
        _ time: Duration,
        _ call: (OpaquePointer?, OpaquePointer?) -> Void,
        results: (OpaquePointer) -> OpaquePointer?
    ) throws(MsgBusError) {
        let options = rd_kafka_AdminOptions_new(handle.pointer, operation)
        defer { rd_kafka_AdminOptions_destroy(options) }
        let milliseconds = Int32(clamping: max(100, time.milliseconds))
        rd_kafka_AdminOptions_set_request_timeout(options, milliseconds, nil, 0)
        rd_kafka_AdminOptions_set_operation_timeout(options, milliseconds, nil, 0)
        let answers = rd_kafka_queue_new(handle.pointer)!
        defer { rd_kafka_queue_destroy(answers) }
        call(options, answers)
        guard let event = rd_kafka_queue_poll(answers, milliseconds) else {
            throw MsgBusError(.timeout, "\(context): no answer within \(time)", topic: topic, isRetriable: true)
        }
        defer { rd_kafka_event_destroy(event) }
        func check(_ code: rd_kafka_resp_err_t, _ reason: UnsafePointer<CChar>?) throws(MsgBusError) {
            guard code != RD_KAFKA_RESP_ERR_NO_ERROR, code != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS else { return }
            throw MsgBusError(kafka: code, context, reason: reason.map { String(cString: $0) }, topic: topic)
        }
        try check(rd_kafka_event_error(event), rd_kafka_event_error_string(event))
        if let result = results(event) {
            try check(rd_kafka_topic_result_error(result), rd_kafka_topic_result_error_string(result))
        }
    }
}
