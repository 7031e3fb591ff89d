/// What only concerns writers.
///
/// Defaults that differ from librdkafka's say why.
public struct WriterOptions: Sendable {
    /// Who has to have a message before it counts as delivered. Default: all in-sync replicas.
    public var acks: Acknowledgement = .all

    /// Whether the broker recognises repeated sends, so that no retry duplicates or reorders a message. It needs
    /// ``Acknowledgement/all``. Default: nil, which is on wherever `acks` allows it (librdkafka: off, which can reorder).
    public var idempotence: Bool?

    /// How long a message may take from the call of the write to the broker's answer; then the write throws `.timeout`.
    /// Default: 120 seconds, as in Kafka's Java client (librdkafka: 300).
    public var deliveryTimeout: Duration = .seconds(120)

    /// How long a message waits for others to share a request with. Default: none (librdkafka: 5 ms, which an acknowledged
    /// write would wait in full). Under load messages gather anyway while requests are under way.
    public var linger: Duration = .zero

    /// How batches are compressed. Default: not at all.
    public var compression: Compression = .none

    /// The largest message, with its key and headers, in bytes. Default: 1,000,000, which is about what brokers allow.
    public var maxMessageBytes = 1_000_000

    /// How many messages may be on their way at once. More wait: see ``KafkaWriter``. Default: 100,000.
    public var bufferMessages = 100_000

    /// How many bytes of keys and values may be on their way at once. Default: 256 MiB.
    public var bufferBytes = 256 * 1024 * 1024

    /// How a key chooses the partition. Default: ``Partitioner/murmur2``, as Java clients do, so that all writers of a topic
    /// agree (librdkafka: CRC-32).
    public var partitioner: Partitioner = .murmur2

    /// Makes the writer one of transactions, see ``KafkaWriter/transaction(_:)``, and is its name in the cluster across restarts.
    ///
    /// Connecting with the name of an older writer ends that one's transaction and fences it off: all its calls fail with `.fenced`,
    /// for good. So each writer that is to run beside others needs a name of its own. Default: nil, no transactions.
    public var transactionalID: String?

    /// How long the cluster lets a transaction be open, then it aborts it; and how long its commit or abort may take at the most.
    /// No message of a transaction takes longer than this, whatever ``deliveryTimeout`` says. Default: 60 seconds, as in Kafka's Java
    /// client; brokers allow 15 minutes by default.
    public var transactionTimeout: Duration = .seconds(60)

    /// How long `disconnect()`, and a writer that is let go without `close`, may take. Default: 10 seconds.
    public var closeTimeout: Duration = .seconds(10)

    /// Gets each message of `enqueue` or of a non-blocking `messageWrite` that could not be delivered, and why; not those of a
    /// transaction, which says it itself.
    ///
    /// It is called on a queue of the writer's own, one message at a time; close waits for it. Without a handler each failure is
    /// logged as an error. Default: none.
    public var onUndelivered: (@Sendable (UndeliveredMessage) -> Void)?

    /// Makes options with all defaults.
    public init() {}

    func validate() throws(MsgBusError) {
        func check(_ isRight: Bool, _ message: @autoclosure () -> String) throws(MsgBusError) {
            guard isRight else { throw MsgBusError(.configuration, message()) }
        }
        try check(
            deliveryTimeout > .zero,
            "writer.deliveryTimeout is \(deliveryTimeout): it has to be longer than nothing"
        )
        try check(linger >= .zero, "writer.linger is \(linger): it can't be negative")
        try check(
            linger < deliveryTimeout,
            "writer.linger is \(linger), not less than deliveryTimeout \(deliveryTimeout)"
        )
        try check(closeTimeout >= .zero, "writer.closeTimeout is \(closeTimeout): it can't be negative")
        try check(
            (1000...1_000_000_000).contains(maxMessageBytes),
            "writer.maxMessageBytes is \(maxMessageBytes): it has to be within 1000...1000000000"
        )
        try check(
            (1...10_000_000).contains(bufferMessages),
            "writer.bufferMessages is \(bufferMessages): it has to be within 1...10000000"
        )
        try check(
            (1...(1 << 40)).contains(bufferBytes),
            "writer.bufferBytes is \(bufferBytes): it has to be within 1...1099511627776"
        )
        try check(
            idempotence != true || acks == .all,
            "writer.idempotence needs writer.acks to be .all, and it is .\(acks)"
        )
        if let transactionalID { try validate(transactionalID) }
    }

    private func validate(_ transactionalID: String) throws(MsgBusError) {
        func check(_ isRight: Bool, _ message: @autoclosure () -> String) throws(MsgBusError) {
            guard isRight else { throw MsgBusError(.configuration, message()) }
        }
        try check(
            !transactionalID.allSatisfy(\.isWhitespace) && !transactionalID.utf8.contains(0),
            "writer.transactionalID is empty, or has a NUL in it: name the writer, or nil for no transactions"
        )
        try check(acks == .all, "writer.transactionalID needs writer.acks to be .all, and it is .\(acks)")
        try check(idempotence != false, "writer.transactionalID needs writer.idempotence, which is false")
        try check(
            transactionTimeout >= .seconds(1) && transactionTimeout <= .seconds(2_147_483),
            "writer.transactionTimeout is \(transactionTimeout): it has to be within 1 and 2147483 seconds"
        )
        try check(
            linger < transactionTimeout,
            "writer.linger is \(linger), not less than transactionTimeout \(transactionTimeout)"
        )
    }

    /// librdkafka refuses a message that may take longer than its transaction.
    var effectiveDeliveryTimeout: Duration {
        transactionalID == nil ? deliveryTimeout : min(deliveryTimeout, transactionTimeout)
    }
}

/// Who has to have a message before it counts as delivered.
public enum Acknowledgement: Sendable, Hashable {
    /// Nobody: a message counts as delivered when it is on the wire. Messages can be lost without an error.
    case none
    /// The partition's leader. Messages can be lost when it dies.
    case leader
    /// All replicas that are in sync.
    case all
}

/// How batches of messages are compressed.
public enum Compression: String, Sendable, Hashable {
    /// Not at all.
    case none
    /// gzip: small and slow.
    case gzip
    /// snappy.
    case snappy
    /// lz4: fast.
    case lz4
    /// zstd: small and fast; brokers since Kafka 2.1.
    case zstd
}

/// How the partition of a message with a key is chosen; messages without one are spread over all partitions.
public enum Partitioner: String, Sendable, Hashable {
    /// Murmur2, as Kafka's Java clients do.
    case murmur2 = "murmur2_random"
    /// FNV-1a, as the Go client sarama does.
    case fnv1a = "fnv1a_random"
    /// CRC-32, as librdkafka's clients do by default.
    case crc32 = "consistent_random"
    /// Any partition: equal keys do not stay together.
    case random
}
