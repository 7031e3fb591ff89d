// Deleting messages.
extension BusAdmin {
    /// Deletes all messages that a topic has when this begins; what comes later stays. The topic and its configuration are untouched.
    ///
    /// When it returns, it has seen that they are gone. If it, or the process, ends before that, some partitions are purged and others are
    /// not, and nothing else is changed: call it again.
    ///
    /// - Parameters:
    ///   - name: The topic.
    ///   - partitions: Which of its partitions; nil for all, which is also the default.
    ///   - allowingInternal: Whether it may be one of the cluster's own topics. Default: not.
    ///   - timeout: How long at most. Default: 30 seconds.
    /// - Returns: What is gone.
    /// - Throws: `.configuration` if the topic is compacted only (`cleanup.policy=compact`), for brokers don't purge such;
    ///   `.unknownTopic`, `.unknownPartition`; `.state` for an internal topic; `.unsupported`, `.authorization`, `.notAvailable`,
    ///   `.timeout`, `.transport`, `.cancelled`, `.closed`. Then some partitions may be purged.
    @discardableResult
    public func purge(
        _ name: String,
        partitions chosen: [Int]? = nil,
        allowingInternal: Bool = false,
        timeout: Duration = .seconds(30)
    ) async throws(MsgBusError) -> PurgeReport {
        let deadline = Moment.after(timeout)
        try await checkAllowed(name, allowingInternal, by: deadline)
        let all = try await topic(name, by: deadline).partitions.map(\.partition)
        if let missing = chosen?.first(where: { !all.contains($0) }) {
            let text = "the topic has \(all.count) partitions, counted from 0"
            throw MsgBusError(.unknownPartition, text, topic: name, partition: missing)
        }
        let partitions = (chosen?.unique.sorted() ?? all).map { TopicPartition(topic: name, partition: $0) }
        let context = "can't purge the topic"
        let marks = try await marks(of: partitions, context, by: deadline)
        let targets = marks.filter { !$0.value.isEmpty }.mapValues(\.upperBound)
        if !targets.isEmpty {
            let answers = try await admin.answer(to: .deleteRecords(before: targets), by: deadline)
            try Self.check(answers, targets, context)
            try await verify(targets, by: deadline)
        }
        return PurgeReport(
            topic: name,
            partitions: partitions.map { partition in
                let mark = marks[partition] ?? 0..<0
                return PurgedPartition(
                    partition: partition.partition,
                    deleted: Int64(mark.count),
                    end: mark.upperBound
                )
            }
        )
    }

    /// Throws the first error, which says how many others there are.
    private static func check(
        _ answers: [TopicPartition: Result<Int64, MsgBusError>],
        _ targets: [TopicPartition: Int64],
        _ context: String
    ) throws(MsgBusError) {
        var errors: [MsgBusError] = []
        for partition in targets.keys.sorted() {
            switch answers[partition] {
            case .success?: continue
            case .failure(let error)?: errors.append(explained(error))
            case nil:
                errors.append(
                    MsgBusError(
                        .internal,
                        "\(context): the answer says nothing of it",
                        topic: partition.topic,
                        partition: partition.partition
                    )
                )
            }
        }
        guard var error = errors.first else { return }
        if targets.count > 1 {
            error.message += "; \(targets.count - errors.count) of \(targets.count) partitions with messages are purged"
        }
        throw error
    }

    static func explained(_ error: MsgBusError) -> MsgBusError {
        guard error.kafkaName == "POLICY_VIOLATION" else { return error }
        var error = error
        error.message =
            "brokers purge no topic that is only compacted: write tombstones, or have its cleanup.policy contain delete "
            + "(\(error.message))"
        return error
    }

    /// Looks until nothing is left before these offsets.
    private func verify(
        _ targets: [TopicPartition: Int64],
        by deadline: Moment
    ) async throws(MsgBusError) {
        var pause = Duration.milliseconds(10)
        while true {
            let marks = try await marks(of: Array(targets.keys), "can't see whether the topic is purged", by: deadline)
            let left = targets.filter { (marks[$0.key]?.lowerBound ?? 0) < $0.value }
            guard let (partition, target) = left.min(by: { $0.key < $1.key }) else { return }
            guard Moment.now + pause < deadline else {
                throw MsgBusError(
                    .timeout,
                    "the broker has agreed to purge everything before \(target), and still has messages from "
                        + "\(marks[partition]?.lowerBound ?? 0) on",
                    topic: partition.topic,
                    partition: partition.partition,
                    isRetriable: true
                )
            }
            try await admin.pause(pause)
            pause = min(pause * 2, .milliseconds(500))
        }
    }
}
