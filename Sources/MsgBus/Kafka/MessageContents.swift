internal import CRdKafka

extension MessageTimestamp {
    /// The time of one of librdkafka's messages, if it has one.
    init?(of message: UnsafePointer<rd_kafka_message_t>) {
        var type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE
        let time = rd_kafka_message_timestamp(message, &type)
        guard time >= 0, type != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE else { return nil }
        self.init(millisecondsSince1970: time, kind: type == RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME ? .appended : .created)
    }
}

extension Headers {
    /// The headers of one of librdkafka's messages, copied.
    init(_ message: UnsafePointer<rd_kafka_message_t>) {
        self.init()
        Self.forEach(in: message) { name, value, size in
            append(String(cString: name), value.map { Array(UnsafeRawBufferPointer(start: $0, count: size)) })
        }
    }

    /// What ``size`` would be for the headers of one of librdkafka's messages.
    static func size(in message: UnsafePointer<rd_kafka_message_t>) -> Int {
        var total = 0
        forEach(in: message) { name, _, size in total += String(cString: name).utf8.count + size }
        return total
    }

    private static func forEach(
        in message: UnsafePointer<rd_kafka_message_t>,
        _ body: (UnsafePointer<CChar>, UnsafeRawPointer?, Int) -> Void
    ) {
        var list: OpaquePointer?
        guard rd_kafka_message_headers(message, &list) == RD_KAFKA_RESP_ERR_NO_ERROR, let list else { return }
        var index = 0
        var name: UnsafePointer<CChar>?
        var value: UnsafeRawPointer?
        var size = 0
        while rd_kafka_header_get_all(list, index, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR, let name {
            body(name, value, size)
            index += 1
        }
    }
}
