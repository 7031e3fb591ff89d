internal import CRdKafka

/// Small messages that go to librdkafka in one call, at half the cost of a call for each.
///
/// Their bytes are gathered here first: a call needs all of them at once, and an array lends its own only for a moment. The copy is
/// a few percent of what the call saves. (`@unchecked Sendable`: the memory is this one value's, which can't be copied.)
struct ProduceBatch: ~Copyable, @unchecked Sendable {
    /// A message that librdkafka didn't take, by its position in the batch.
    typealias Failure = (position: Int, error: MsgBusError)

    private static let maxCount = 256
    private static let maxBytes = 64 * 1024

    private let records = UnsafeMutablePointer<rd_kafka_message_t>.allocate(capacity: maxCount)
    private let bytes = UnsafeMutableRawPointer.allocate(byteCount: maxBytes, alignment: 16)
    private(set) var count = 0
    private var used = 0

    deinit {
        records.deallocate()
        bytes.deallocate()
    }

    /// Whether a message may go this way: the call knows no headers and no times, and leaks a message for a partition that doesn't
    /// exist (2.0.2, rd_kafka_produce_batch).
    static func suits(_ message: borrowing OutgoingMessage, size: Int) -> Bool {
        size <= maxBytes / 8 && message.partition == nil && message.timestamp == nil && message.headers.isEmpty
    }

    var isEmpty: Bool { count == 0 }

    func hasRoom(for size: Int) -> Bool { count < Self.maxCount && used + size <= Self.maxBytes }

    /// Adds a message that ``suits(_:size:)`` and that there is room for.
    mutating func append(_ message: borrowing OutgoingMessage, _ tag: MessageTag) {
        var record = rd_kafka_message_t()
        (record.payload, record.len) = store(message.value)
        (record.key, record.key_len) = store(message.key)
        record._private = UnsafeMutableRawPointer(bitPattern: tag.rawValue)
        (records + count).initialize(to: record)
        count += 1
    }

    private mutating func store(_ array: [UInt8]?) -> (UnsafeMutableRawPointer?, Int) {
        guard let array else { return (nil, 0) }
        let start = bytes + used
        array.withUnsafeBytes { if let source = $0.baseAddress { start.copyMemory(from: source, byteCount: $0.count) } }
        used += array.count
        return (start, array.count)
    }

    /// Gives all to librdkafka, and is empty again.
    ///
    /// - Returns: Those that it didn't take.
    mutating func produce(to topic: CHandle) -> [(position: Int, code: rd_kafka_resp_err_t, size: Int)] {
        var failures: [(position: Int, code: rd_kafka_resp_err_t, size: Int)] = []
        let taken = rd_kafka_produce_batch(
            topic.pointer,
            RD_KAFKA_PARTITION_UA,
            RD_KAFKA_MSG_F_COPY,
            records,
            Int32(count)
        )
        if taken < count {
            for index in 0..<count where records[index].err != RD_KAFKA_RESP_ERR_NO_ERROR {
                failures.append((index, records[index].err, records[index].len + records[index].key_len))
            }
        }
        count = 0
        used = 0
        return failures
    }
}
