internal import MsgBus

extension Key {
    /// What `ReaderOptions` has.
    static let reader: [Key] = [
        .option(
            "reader.start_from",
            \.reader.startFrom,
            .start,
            "Where to start; in a group, where it has no committed offset."
        ),
        Key(
            name: "reader.partitions",
            type: "partitions, each with a start as in `reader.start_from`",
            about: "For a private reader: which partitions to read, instead of all.",
            isTable: true
        ) { draft, tree, name throws(Complaint) in
            guard let partition = Int(name), partition >= 0 else {
                throw Complaint("a partition is a number, from 0", isAboutValue: false)
            }
            let start = try Codec.start.decode(tree)
            draft.config.reader.partitions = (draft.config.reader.partitions ?? [:]).merging([partition: start]) { $1 }
        } values: { config in
            (config.reader.partitions ?? [:]).sorted { $0.key < $1.key }.map {
                (String($0.key), Codec.start.format($0.value))
            }
        },
        .option(
            "reader.missing_topic",
            \.reader.missingTopic,
            missingTopic,
            "What to do when the topic doesn't exist."
        ),
        .option(
            "reader.ack_mode",
            \.reader.ackMode,
            .choice(["automatic": .automatic, "manual": .manual, "transactional": .transactional]),
            "When a message of a group counts as done."
        ),
        .option(
            "reader.failure.then",
            \.reader.outcome,
            outcome,
            "What happens to a message that isn't processed after all retries."
        ),
        .option(
            "reader.failure.retries",
            \.reader.retries,
            .number,
            "How often a message that isn't processed is tried again."
        ),
        .option("reader.failure.backoff", \.reader.backoff, .duration, "The pause before the first retry; it doubles.")
            .usually("100ms"),
        .option("reader.failure.max_backoff", \.reader.maxBackoff, .duration, "The longest pause between retries.")
            .usually("10s"),
        .option("reader.assignor", \.reader.assignor, assignor, "How a group shares the partitions out."),
        .option(
            "reader.group_instance_id",
            \.reader.groupInstanceID,
            .text,
            "The name of a static member of the group."
        ),
        .option(
            "reader.rebalance_timeout",
            \.reader.rebalanceTimeout,
            .duration,
            "How long the group waits for rebalance handlers."
        ),
        .option(
            "reader.isolation",
            \.reader.isolation,
            .choice(["read_committed": .readCommitted, "read_uncommitted": .readUncommitted]),
            "Whether messages of transactions come only once they are committed."
        ),
        .option(
            "reader.commit_interval",
            \.reader.commitInterval,
            .duration,
            "How soon an acknowledgement is committed."
        ),
        .option("reader.queue_messages", \.reader.queueMessages, .number, "How many messages may wait in the reader."),
        .option("reader.queue_bytes", \.reader.queueBytes, .size, "How many bytes may wait in the reader."),
        .option("reader.prefetch_bytes", \.reader.prefetchBytes, .size, "How many bytes librdkafka may fetch ahead."),
        .option(
            "reader.partition_discovery_interval",
            \.reader.partitionDiscoveryInterval,
            .duration,
            "How often the reader looks for new partitions."
        ),
        .option("reader.close_timeout", \.reader.closeTimeout, .duration, "How long `disconnect()` may take."),
        .properties("reader.properties", onlyFor: .reader, "Properties of librdkafka for readers only."),
    ]

    private static let missingTopic = Codec<MissingTopic>(
        type: "`fail`, `wait`, `create:PARTITIONS` or `create:PARTITIONS:REPLICAS`",
        parse: { text throws(Complaint) in
            let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
            switch (parts[0], parts.count) {
            case ("fail", 1): return .fail
            case ("wait", 1): return .wait
            case ("create", 2), ("create", 3):
                let partitions = try Codec.number.parse(parts[1])
                return .create(
                    partitions: partitions,
                    replicationFactor: parts.count == 3 ? try Codec.number.parse(parts[2]) : 1
                )
            default: throw Complaint("there are fail, wait, create:PARTITIONS and create:PARTITIONS:REPLICAS")
            }
        },
        format: { value in
            switch value {
            case .fail: "fail"
            case .wait: "wait"
            case .create(let partitions, 1): "create:\(partitions)"
            case .create(let partitions, let replicas): "create:\(partitions):\(replicas)"
            }
        }
    )

    private static let outcome = Codec<FailurePolicy.Outcome>(
        type: "`stop`, `skip` or `dead_letter:TOPIC`",
        parse: { text throws(Complaint) in
            let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            switch (parts[0], parts.count) {
            case ("stop", 1): return .stop
            case ("skip", 1): return .skip
            case ("dead_letter", 2), ("dead-letter", 2): return .deadLetter(topic: parts[1])
            default: throw Complaint("there are stop, skip and dead_letter:TOPIC")
            }
        },
        format: { value in
            switch value {
            case .stop: "stop"
            case .skip: "skip"
            case .deadLetter(let topic): "dead_letter:\(topic)"
            }
        }
    )

    private static let assignor = Codec<Assignor>(
        type: "Kafka's names, with commas between",
        parse: { text throws(Complaint) in Assignor(try Codec.text.parse(text)) },
        format: \.names
    )
}

/// The parts of a failure policy, each for itself: the first that is set makes one.
extension ReaderOptions {
    fileprivate var outcome: FailurePolicy.Outcome? {
        get { failurePolicy?.outcome }
        set { change { $0.outcome = newValue ?? .stop } }
    }

    fileprivate var retries: Int? {
        get { failurePolicy?.retries }
        set { change { $0.retries = newValue ?? 0 } }
    }

    fileprivate var backoff: Duration? {
        get { failurePolicy?.backoff }
        set { change { $0.backoff = newValue ?? Self.usual.backoff } }
    }

    fileprivate var maxBackoff: Duration? {
        get { failurePolicy?.maxBackoff }
        set { change { $0.maxBackoff = newValue ?? Self.usual.maxBackoff } }
    }

    private static let usual = FailurePolicy.stop

    private mutating func change(_ change: (inout FailurePolicy) -> Void) {
        var policy = failurePolicy ?? Self.usual
        change(&policy)
        failurePolicy = policy
    }
}
