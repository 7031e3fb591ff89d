/// What went wrong, in one value: every throwing call of this library throws it.
///
/// ```swift
/// do {
///     try writer.enqueue("hello")
/// } catch let error as MsgBusError where error.code == .queueFull {
///     // wait, or drop the message
/// }
/// ```
///
/// No description of it contains a message's key or value, or a secret of the configuration.
public struct MsgBusError: Error, Sendable, Hashable {
    /// What kind of error this is.
    public var code: Code {
        get { fields.code }
        set { fields.code = newValue }
    }

    /// What was wrong, the value that was wrong, and what to do.
    public var message: String {
        get { fields.message }
        set { fields.message = newValue }
    }

    /// librdkafka's or the broker's error number, when the error comes from there.
    public var kafkaCode: Int? {
        get { fields.kafkaCode }
        set { fields.kafkaCode = newValue }
    }

    /// The name of ``kafkaCode`` as the Kafka world writes it, for example `_TRANSPORT`.
    public var kafkaName: String? {
        get { fields.kafkaName }
        set { fields.kafkaName = newValue }
    }

    /// The topic concerned, if there is one.
    public var topic: String? {
        get { fields.topic }
        set { fields.topic = newValue }
    }

    /// The partition concerned, if there is one.
    public var partition: Int? {
        get { fields.partition }
        set { fields.partition = newValue }
    }

    /// The offset concerned, if there is one.
    public var offset: Int64? {
        get { fields.offset }
        set { fields.offset = newValue }
    }

    /// Whether the same call can succeed later without any change by the caller.
    public var isRetriable: Bool {
        get { fields.isRetriable }
        set { fields.isRetriable = newValue }
    }

    /// Whether the writer or reader is unusable from now on and has to be made anew.
    public var isFatal: Bool {
        get { fields.isFatal }
        set { fields.isFatal = newValue }
    }

    /// For a failed write or transaction: what is known of its fate on the broker. Nil for all other errors.
    public var persistence: Persistence? {
        get { fields.persistence }
        set { fields.persistence = newValue }
    }

    /// Whether the message of a failed write may be on the broker all the same.
    ///
    /// Writing it again can then make a duplicate. False for an error that isn't about a write.
    public var mayHaveBeenPersisted: Bool {
        persistence == .possiblyPersisted || persistence == .persisted
    }

    /// Makes an error.
    public init(
        _ code: Code,
        _ message: String,
        topic: String? = nil,
        partition: Int? = nil,
        offset: Int64? = nil,
        isRetriable: Bool = false,
        isFatal: Bool = false,
        persistence: Persistence? = nil
    ) {
        box = Box(
            Fields(
                code: code,
                message: message,
                topic: topic,
                partition: partition,
                offset: offset,
                isRetriable: isRetriable,
                isFatal: isFatal,
                persistence: persistence
            )
        )
    }

    private struct Fields: Sendable, Hashable {
        var code: Code
        var message: String
        var kafkaCode: Int?
        var kafkaName: String?
        var topic: String?
        var partition: Int?
        var offset: Int64?
        var isRetriable: Bool
        var isFatal: Bool
        var persistence: Persistence?
    }

    /// Errors are rare, and room for one is in every result: so it is the room of a reference.
    private final class Box: Sendable {
        let fields: Fields

        init(_ fields: Fields) { self.fields = fields }
    }

    private var box: Box

    private var fields: Fields {
        get { box.fields }
        set { box = Box(newValue) }
    }

    /// Whether two errors say the same.
    public static func == (left: MsgBusError, right: MsgBusError) -> Bool { left.fields == right.fields }

    /// Feeds what the error says.
    public func hash(into hasher: inout Hasher) { hasher.combine(fields) }

    /// What is known of a message whose write failed.
    public enum Persistence: Sendable, Hashable {
        /// The message never reached a broker: writing it again can't duplicate it.
        case notPersisted
        /// The message was sent and nobody can say whether it was kept.
        case possiblyPersisted
        /// The broker has the message.
        case persisted
    }
}

extension MsgBusError: CustomStringConvertible {
    /// The code, the message, and where it happened; for example
    /// `timeout: no acknowledgement within 2.0 seconds (_MSG_TIMED_OUT) [orders/3]`.
    public var description: String {
        var text = "\(code.name): \(message)"
        if let kafkaName { text += " (\(kafkaName))" }
        guard let topic else { return text }
        text += " [\(topic)"
        if let partition { text += "/\(partition)" }
        if let offset { text += "@\(offset)" }
        return text + "]"
    }
}

extension MsgBusError {
    /// The kinds of errors: an open set, so that a later version can add one.
    ///
    /// The groups follow what a caller can do about them; each of librdkafka's codes falls into one.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        /// The code's name, as it is spelled here.
        public let name: String

        init(_ name: String) { self.name = name }

        /// The code's name.
        public var description: String { name }
    }
}

extension MsgBusError.Code {
    /// The writer's buffer has no room. Wait for deliveries, or use an awaiting write.
    public static let queueFull = Self("queueFull")
    /// Something didn't happen within its time.
    public static let timeout = Self("timeout")
    /// No broker can be reached: refused, unknown host, or the connection broke.
    public static let transport = Self("transport")
    /// The TLS handshake failed: a certificate isn't accepted by either side, or there is no version in common.
    public static let tls = Self("tls")
    /// The broker doesn't accept who we say we are, offers no such login, wants one, or there is no token for it.
    public static let authentication = Self("authentication")
    /// The broker knows us and doesn't allow this.
    public static let authorization = Self("authorization")
    /// The topic doesn't exist, or its name is not legal.
    public static let unknownTopic = Self("unknownTopic")
    /// The topic has no partition of this number.
    public static let unknownPartition = Self("unknownPartition")
    /// The cluster can't serve this right now: no leader, too few replicas, a coordinator is moving.
    public static let notAvailable = Self("notAvailable")
    /// The message is larger than the writer or the broker allows.
    public static let messageTooLarge = Self("messageTooLarge")
    /// The broker or librdkafka found the record itself wrong.
    public static let invalidRecord = Self("invalidRecord")
    /// The partition belongs to another member of the group by now; the message will come again.
    public static let rebalance = Self("rebalance")
    /// The offset asked for doesn't exist.
    public static let offset = Self("offset")
    /// The message was thrown away before it was delivered, by `close` or by an aborted transaction.
    public static let purged = Self("purged")
    /// A transaction failed by itself, and was or has to be aborted. Run it again if the error is retriable.
    public static let transactionAbortable = Self("transactionAbortable")
    /// A newer instance with the same transactional or group instance id took over.
    public static let fenced = Self("fenced")
    /// The client can't go on, see ``MsgBusError/isFatal``.
    public static let fatal = Self("fatal")
    /// The application's own code failed on a message: its callback threw, or it rejected the message.
    public static let handler = Self("handler")
    /// The call doesn't fit the state of the object: the wrong direction, a second registration, and the like.
    public static let state = Self("state")
    /// The object is closed.
    public static let closed = Self("closed")
    /// The task was cancelled. What it waited for may still happen.
    public static let cancelled = Self("cancelled")
    /// A setting is unknown, malformed, or contradicts another one.
    public static let configuration = Self("configuration")
    /// The broker or this librdkafka can't do that.
    public static let unsupported = Self("unsupported")
    /// The broker throttles us.
    public static let quota = Self("quota")
    /// An administrative call was refused, for example since the topic exists already.
    public static let admin = Self("admin")
    /// Bytes couldn't be turned into what was asked for, for example text that is not UTF-8.
    public static let serialization = Self("serialization")
    /// Something inside librdkafka or the broker.
    public static let `internal` = Self("internal")
}
