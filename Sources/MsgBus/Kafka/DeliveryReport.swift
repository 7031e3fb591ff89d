internal import CRdKafka

/// What librdkafka says of the messages of one event.
struct DeliveryReports: Sendable {
    /// Messages of one tag that were delivered and that nobody waits for: they are only counted.
    struct Unwatched: Sendable {
        let tag: MessageTag
        var count = 0
        var bytes = 0
        /// Of the first one, which has waited longest.
        var latency = Duration.zero
    }

    private(set) var unwatched: [Unwatched] = []
    /// All others.
    private(set) var watched: [DeliveryReport] = []

    /// Forgets the messages, but not the memory that they took.
    mutating func clear() {
        unwatched.removeAll(keepingCapacity: true)
        watched.removeAll(keepingCapacity: true)
    }

    /// Takes the messages of an event.
    mutating func read(_ event: OpaquePointer) {
        var run = Unwatched(tag: MessageTag(rawValue: 0))
        while let message = rd_kafka_event_message_next(event) {
            let tag = MessageTag(rawValue: UInt(bitPattern: message.pointee._private))
            guard !tag.hasSlot, message.pointee.err == RD_KAFKA_RESP_ERR_NO_ERROR else {
                watched.append(DeliveryReport(message, tag))
                continue
            }
            if tag != run.tag {
                if run.count > 0 { unwatched.append(run) }
                run = Unwatched(tag: tag)
            }
            if run.count == 0 { run.latency = .microseconds(max(0, rd_kafka_message_latency(message))) }
            run.count += 1
            run.bytes += DeliveryReport.size(of: message, tag)
        }
        if run.count > 0 { unwatched.append(run) }
    }
}

/// What librdkafka says of one message that was written.
struct DeliveryReport: Sendable {
    let tag: MessageTag
    let partition: Int
    let offset: Int64
    let timestamp: MessageTimestamp?
    let latency: Duration
    /// The message's ``OutgoingMessage/size``.
    let size: Int
    /// Nil for a message that was delivered.
    let failure: Failure?

    /// Why a message was not delivered, and the message. A class, for it is large and rare.
    final class Failure: Sendable {
        let error: MsgBusError
        let message: OutgoingMessage

        init(_ error: MsgBusError, _ message: OutgoingMessage) {
            self.error = error
            self.message = message
        }
    }

    fileprivate init(_ message: UnsafePointer<rd_kafka_message_t>, _ tag: MessageTag) {
        let record = message.pointee
        self.tag = tag
        partition = Int(record.partition)
        offset = record.offset
        size = Self.size(of: message, tag)
        timestamp = MessageTimestamp(of: message)
        latency = .microseconds(max(0, rd_kafka_message_latency(message)))
        failure = record.err == RD_KAFKA_RESP_ERR_NO_ERROR ? nil : Failure(message)
    }

    fileprivate static func size(of message: UnsafePointer<rd_kafka_message_t>, _ tag: MessageTag) -> Int {
        let contents = message.pointee.len + message.pointee.key_len
        return tag.hasHeaders ? contents + Headers.size(in: message) : contents
    }
}

extension OutgoingMessage {
    /// The message that a report is about, copied.
    fileprivate init(_ message: UnsafePointer<rd_kafka_message_t>) {
        func bytes(_ start: UnsafeMutableRawPointer?, _ count: Int) -> [UInt8]? {
            start.map { Array(UnsafeRawBufferPointer(start: $0, count: count)) }
        }
        let record = message.pointee
        self.init(
            value: bytes(record.payload, record.len),
            key: bytes(record.key, record.key_len),
            headers: Headers(message),
            partition: record.partition < 0 ? nil : Int(record.partition),
            timestamp: MessageTimestamp(of: message)
        )
    }
}

extension DeliveryReport.Failure {
    fileprivate convenience init(_ message: UnsafePointer<rd_kafka_message_t>) {
        let record = message.pointee
        var error = MsgBusError(
            kafka: record.err,
            "the message was not delivered",
            topic: record.rkt.map { String(cString: rd_kafka_topic_name($0)) },
            partition: record.partition < 0 ? nil : Int(record.partition)
        )
        error.persistence =
            switch rd_kafka_message_status(message) {
            case RD_KAFKA_MSG_STATUS_NOT_PERSISTED: .notPersisted
            case RD_KAFKA_MSG_STATUS_PERSISTED: .persisted
            default: .possiblyPersisted
            }
        self.init(error, OutgoingMessage(message))
    }
}
