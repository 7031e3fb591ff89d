internal import MsgBus

extension Key {
    /// What `MsgBusConfig` has itself.
    static let connection: [Key] = [
        Key(
            name: "topic",
            type: Codec<String>.text.type,
            about: "The topic, where the code names none."
        ) { draft, tree, _ throws(Complaint) in
            draft.topic = try Codec.text.decode(tree)
        } values: {
            [("", $0.topic.isEmpty ? nil : $0.topic)]
        },
        Key(
            name: "direction",
            type: direction.type,
            about: "Whether it is written or read, where the code doesn't say so."
        ) { draft, tree, _ throws(Complaint) in
            draft.direction = try direction.decode(tree)
        } values: {
            [("", $0.topic.isEmpty ? nil : direction.format($0.direction))]
        },
        Key(
            name: "profile",
            type: profile.type,
            about:
                "Values for some options at once; those that a key of their own sets, in whatever source, stay as that says."
        ) { draft, tree, _ throws(Complaint) in
            draft.profile = try profile.decode(tree)
        } values: { _ in
            [("", nil)]
        },
        brokers,
        Key(
            name: "host",
            type: Codec<String>.text.type,
            about: "The host of a broker, instead of `brokers`.",
            displaces: ["brokers"]
        ) { draft, tree, _ throws(Complaint) in
            draft.config.host = try Codec.text.decode(tree)
        } values: {
            [("", $0.host)]
        },
        .option("port", \.port, .number, "The port of that broker, and of those in `brokers` that have none."),
        .option(
            "blocking",
            \.blocking,
            .choice([
                "true": .blocking, "yes": .blocking, "on": .blocking, "false": .nonBlocking, "no": .nonBlocking,
                "off": .nonBlocking,
            ])
            .orBoolean,
            "Whether `messageWrite` waits for the acknowledgement."
        ),
        .option("connect_retries", \.connectRetries, .count, "How often `connect` tries."),
        .option("connect_timeout", \.connectTimeout, .duration, "How long `connect` may take, all attempts together."),
        group,
        .option(
            "metrics_interval",
            \.metricsInterval,
            .duration,
            "How often gauges are set, where the process has metrics."
        ),
        .option("statistics_interval", \.statisticsInterval, .duration, "How often librdkafka gathers statistics."),
        .properties("properties", onlyFor: nil, "Any property of librdkafka, applied last."),
    ]

    private static let brokers: Key = {
        var key = Key(
            name: "brokers",
            aliases: ["addrs"],
            type: "a list, or a text with commas, of `host:port`",
            about: "Brokers to start from; one that answers is enough.",
            displaces: ["host"]
        ) { draft, tree, _ throws(Complaint) in
            draft.config.brokers = try list(tree)
        } values: {
            [("", $0.brokers.isEmpty ? nil : $0.brokers.joined(separator: ","))]
        }
        key.canonical = { tree in (try? list(tree))?.joined(separator: ",") }
        return key
    }()

    private static let group: Key = {
        var key: Key = .option(
            "group_id",
            \.groupID,
            .text,
            "The consumer group of a reader; a writer takes no notice of it."
        )
        key.onlyFor = .reader
        return key
    }()

    static let direction = Codec<BusDirection>.choice(["reader": .reader, "writer": .writer])

    private static let profile = Codec<Profile>.choice([
        "balanced": .balanced, "throughput": .throughput, "low_latency": .lowLatency,
    ])

    /// Several texts, each for itself or with commas or spaces between.
    private static func list(_ tree: Tree) throws(Complaint) -> [String] {
        switch tree.content {
        case .list(let trees):
            var texts: [String] = []
            for tree in trees { texts.append(try Codec.text.decode(tree)) }
            return texts
        case .scalar(let scalar) where scalar.kind == .text || scalar.kind == .plain:
            let texts = scalar.text.split { $0 == "," || $0.isWhitespace }.map(String.init)
            guard !texts.isEmpty else { throw Complaint("there is nothing in it") }
            return texts
        default:
            throw Complaint("it has to be a list or a text, and is \(tree.kind)")
        }
    }
}

extension Codec {
    /// The same, that JSON may write as `true` or `false`.
    fileprivate var orBoolean: Codec {
        var codec = self
        codec.isBoolean = true
        return codec
    }
}
