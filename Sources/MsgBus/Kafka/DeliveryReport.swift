internal import CRdKafka

/// What librdkafka says of one message that was written.
struct DeliveryReport: Sendable {
    /// What was given to librdkafka with the message.
    let tag: UInt
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

    /// The reports of one event.
    static func reports(of event: OpaquePointer) -> [DeliveryReport] {
        var reports: [DeliveryReport] = []
        reports.reserveCapacity(rd_kafka_event_message_count(event))
        while let message = rd_kafka_event_message_next(event) { reports.append(DeliveryReport(message)) }
        return reports
    }

    private init(_ message: UnsafePointer<rd_kafka_message_t>) {
        let record = message.pointee
        tag = UInt(bitPattern: record._private)
        partition = Int(record.partition)
        offset = record.offset
        size = record.len + record.key_len + Headers.size(in: message)
        timestamp = MessageTimestamp(of: message)
        latency = .microseconds(max(0, rd_kafka_message_latency(message)))
        failure = record.err == RD_KAFKA_RESP_ERR_NO_ERROR ? nil : Failure(message)
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
