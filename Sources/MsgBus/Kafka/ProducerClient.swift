internal import CRdKafka

/// A `rd_kafka_t` that writes to one topic.
struct ProducerClient: Sendable {
    let client: KafkaClient
    let topic: String
    private let topicHandle: CHandle

    init(_ client: KafkaClient, topic: String) {
        self.client = client
        self.topic = topic
        topicHandle = client.topicHandle(topic)
    }

    /// Gives a message to librdkafka, which copies it. Never blocks. Only while the client lives.
    ///
    /// - Parameter tag: Comes back in the delivery report. There is exactly one for each message that was taken.
    func produce(_ message: borrowing OutgoingMessage, tag: MessageTag) throws(MsgBusError) {
        let partition = try number(of: message.partition)
        let code: rd_kafka_resp_err_t
        if message.headers.isEmpty, message.timestamp == nil {
            code = Self.withBytes(message.value) { value, valueSize in
                Self.withBytes(message.key) { key, keySize in
                    produce(partition, value, valueSize, key, keySize, tag)
                }
            }
        } else {
            code = try produceWithHeaders(message, partition, tag)
        }
        if code != RD_KAFKA_RESP_ERR_NO_ERROR { throw error(code, size: message.size, partition: message.partition) }
    }

    /// Gives a batch of messages to librdkafka, as ``produce(_:tag:)`` does; it is empty afterwards.
    ///
    /// - Returns: The messages that librdkafka didn't take, by their position in the batch.
    func produce(_ batch: inout ProduceBatch) -> [ProduceBatch.Failure] {
        batch.produce(to: topicHandle).map { ($0.position, error($0.code, size: $0.size, partition: nil)) }
    }

    /// Sends what lingers and waits until nothing is left, at most so long. Blocks; only on `work`.
    func flush(within time: Duration) {
        _ = rd_kafka_flush(client.handle.pointer, Int32(time.milliseconds))
    }

    /// Gives up all messages that are not delivered; their reports follow at once.
    func purge() {
        _ = rd_kafka_purge(client.handle.pointer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT)
    }

    // MARK: The calls

    private func produce(
        _ partition: Int32,
        _ value: UnsafeRawPointer?,
        _ valueSize: Int,
        _ key: UnsafeRawPointer?,
        _ keySize: Int,
        _ tag: MessageTag
    ) -> rd_kafka_resp_err_t {
        let result = rd_kafka_produce(
            topicHandle.pointer,
            partition,
            RD_KAFKA_MSG_F_COPY,
            UnsafeMutableRawPointer(mutating: value),
            valueSize,
            key,
            keySize,
            UnsafeMutableRawPointer(bitPattern: tag.rawValue)
        )
        return result == 0 ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_last_error()
    }

    private func produceWithHeaders(
        _ message: borrowing OutgoingMessage,
        _ partition: Int32,
        _ tag: MessageTag
    ) throws(MsgBusError) -> rd_kafka_resp_err_t {
        if let time = message.timestamp?.millisecondsSince1970, time <= 0 {
            throw invalid("the timestamp \(time) isn't after 1970-01-01T00:00:00Z, and Kafka keeps no other")
        }
        if message.headers.contains(where: { $0.name.utf8.contains(0) }) {
            throw invalid("a header's name has a NUL in it, which would end it")
        }
        let headers = message.headers.isEmpty ? nil : rd_kafka_headers_new(message.headers.count)
        for header in message.headers {
            var name = header.name
            name.withUTF8 { name in
                _ = Self.withBytes(header.value) { value, size in
                    name.withMemoryRebound(to: CChar.self) { name in
                        rd_kafka_header_add(headers, name.baseAddress, name.count, value, size)
                    }
                }
            }
        }
        let code = Self.withBytes(message.value) { value, valueSize in
            Self.withBytes(message.key) { key, keySize in
                crdkafka_producev(
                    client.handle.pointer,
                    topicHandle.pointer,
                    partition,
                    value,
                    valueSize,
                    key,
                    keySize,
                    message.timestamp?.millisecondsSince1970 ?? 0,
                    headers,
                    UnsafeMutableRawPointer(bitPattern: tag.rawValue)
                )
            }
        }
        // librdkafka takes the headers with the message, and only then.
        if code != RD_KAFKA_RESP_ERR_NO_ERROR, let headers { rd_kafka_headers_destroy(headers) }
        return code
    }

    private func number(of partition: Int?) throws(MsgBusError) -> Int32 {
        guard let partition else { return -1 }
        guard let number = Int32(exactly: partition), number >= 0 else {
            throw MsgBusError(
                .unknownPartition,
                "the partition \(partition) can't exist: they count from 0",
                topic: topic,
                partition: partition,
                persistence: .notPersisted
            )
        }
        return number
    }

    private func invalid(_ reason: String) -> MsgBusError {
        MsgBusError(.invalidRecord, reason, topic: topic, persistence: .notPersisted)
    }

    private func error(_ code: rd_kafka_resp_err_t, size: Int, partition: Int?) -> MsgBusError {
        var error = MsgBusError(kafka: code, topic: topic, partition: partition)
        switch error.code {
        case .messageTooLarge:
            error.message = "a message of \(size) bytes is larger than WriterOptions.maxMessageBytes allows"
        case .unknownPartition:
            error.message = "the topic has no partition \(partition ?? -1)"
        case .fatal:
            error = client.fatalError ?? error
            error.topic = topic
        case .state:
            error.code = .transactionAbortable
            error.message = "the transaction has failed: nothing can be written in it any more"
        default:
            break
        }
        error.persistence = .notPersisted
        return error
    }

    /// Nil is Kafka's null; an empty array, whose own pointer is nil, is a pointer to nothing.
    @inline(__always)
    private static func withBytes<Result>(
        _ bytes: [UInt8]?,
        _ body: (UnsafeRawPointer?, Int) -> Result
    ) -> Result {
        guard let bytes else { return body(nil, 0) }
        return bytes.withUnsafeBytes { body($0.baseAddress ?? emptyBytes, $0.count) }
    }
}

/// An address for what is empty and not null.
private nonisolated(unsafe) let emptyBytes = UnsafeRawPointer(
    UnsafeMutableRawPointer.allocate(byteCount: 1, alignment: 1)
)
