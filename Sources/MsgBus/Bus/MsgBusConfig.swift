/// Everything a connection needs to know. Only the topic and the direction have no default.
///
/// ```swift
/// var config = MsgBusConfig(topic: "orders", direction: .writer)
/// config.brokers = ["kafka-1:9092", "kafka-2:9092"]
/// ```
///
/// Nothing is checked until you connect, or call ``validate()``; then everything is, before a byte is sent.
public struct MsgBusConfig: Sendable {
    /// The topic: 1 to 249 characters out of `a…z`, `A…Z`, `0…9`, `.`, `_` and `-`.
    ///
    /// For a reader also a regular expression, which begins with `^`: see ``KafkaReader/subscribe(to:timeout:)``.
    public var topic: String

    /// Whether this connection writes or reads.
    public var direction: BusDirection

    /// The technology under the bus. There is one.
    public var busTech: MsgBusTech = .kafka

    /// The host of a broker: a name, or an IPv4 or IPv6 address. Default: `localhost`.
    public var host = "localhost"

    /// The port of that broker, 1 to 65535. Default: 9092.
    public var port = 9092

    /// Brokers to start from, instead of ``host`` and ``port`` when not empty.
    ///
    /// Each is `host`, `host:port`, `tcp://host:port` or `[IPv6]:port`; without a port it is ``port``. One that answers is
    /// enough, the others may be down. Default: empty.
    public var brokers: [String] = []

    /// Whether ``MsgBusIO/messageWrite(_:)`` waits for the acknowledgement. Nothing else depends on it. Default: it does.
    public var blocking: BlockingMode = .blocking

    /// How often `connect` tries, at least once; each failed attempt is logged. Default: as often as fits
    /// ``connectTimeout``.
    public var connectRetries = Int.max

    /// How long `connect` may take, all attempts together. Default: 10 seconds.
    public var connectTimeout: Duration = .seconds(10)

    /// The consumer group of a reader; for a writer one is an error. The members of a group share the topic's messages and the group
    /// remembers how far it came. Nil, the default, makes a private reader: it sees every message and leaves no trace on the broker.
    public var groupID: String?

    /// How to reach the brokers: in the clear, with TLS, with a login. Default: `.plaintext`.
    ///
    /// What is missing, unreadable or doesn't fit together is found when connecting, before anything is sent: `.configuration`. A broker that
    /// refuses us, or that we refuse, ends `connect` at once, with `.authentication` or `.tls`. What may be different the next moment, such as a
    /// broker that hangs up, is tried again until ``connectTimeout``. Once connected everything is tried again, for ever: see
    /// ``BusEvent/error(_:)``.
    public var security: Security = .plaintext

    /// What only concerns writers.
    public var writer = WriterOptions()

    /// What only concerns readers.
    public var reader = ReaderOptions()

    /// How often gauges of queues and lag are set, where the process has metrics; counters and timers are always up to date. Default: 10
    /// seconds. See "Observability" in the README for the metrics' names.
    public var metricsInterval: Duration = .seconds(10)

    /// How often librdkafka gathers statistics of its own work, for ``KafkaWriter/statistics()`` and ``KafkaReader/statistics()``, at
    /// least 1 millisecond. Nil, the default: never.
    public var statisticsInterval: Duration?

    /// Any property of librdkafka, by its own name, applied after all else:
    /// [its list](https://github.com/confluentinc/librdkafka/blob/v2.0.2/CONFIGURATION.md).
    ///
    /// Unknown names and bad values are errors when connecting. A few names are owned by this library, and the error says
    /// which option to use instead.
    ///
    /// Descriptions and dumps of a configuration show `***` for those that are secrets, such as `sasl.password`.
    public var properties: [String: String] {
        get { named.properties }
        set { named.properties = newValue }
    }

    private var named = NamedProperties()

    /// Where settings were read, by their keys: filled by who reads files and environments, for ``effectiveProperties()`` and the like
    /// to tell. Nothing else depends on it. Default: empty.
    public var origins: [String: Setting.Origin] = [:]

    /// Makes a configuration with all defaults.
    ///
    /// - Parameters:
    ///   - topic: The topic to write or read.
    ///   - direction: Which of the two.
    public init(topic: String, direction: BusDirection) {
        self.topic = topic
        self.direction = direction
    }
}

/// Which way a connection goes.
public enum BusDirection: Sendable, Hashable {
    /// Into the topic.
    case writer
    /// Out of the topic.
    case reader
}

/// The technology under a bus.
public enum MsgBusTech: Sendable, Hashable {
    /// Apache Kafka, or anything that speaks its protocol.
    case kafka
}

/// What ``MsgBusIO/messageWrite(_:)`` does.
public enum BlockingMode: Sendable, Hashable {
    /// It returns when the message is acknowledged.
    case blocking
    /// It returns at once.
    case nonBlocking
}
