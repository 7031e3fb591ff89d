/// A message that was read.
///
/// It is a view of the record as librdkafka received it: nothing is copied until you ask for ``value``, ``key``, ``text`` or
/// ``headers``. A kept message keeps the whole fetch that it came with in memory (often some megabytes): keep
/// ``detached()`` instead, which holds only its own bytes. Closing the reader doesn't invalidate a message.
public struct Message: Sendable {
    let batch: RecordBatch
    let index: Int

    /// The partition that the message was read from.
    public let partition: Int

    /// The message's offset in its partition.
    public let offset: Int64

    /// The topic that the message was read from.
    public var topic: String { topicPartition.topic }

    /// The topic and the partition together.
    public var topicPartition: TopicPartition { batch.run(at: index).partition }

    /// When the message was created or appended; nil if its writer was older than Kafka 0.10.
    public var timestamp: MessageTimestamp? { batch.records.timestamp(at: index) }

    /// The value, copied. Nil is a tombstone; empty is empty.
    public var value: [UInt8]? { batch.records.withValue(at: index) { $0.map { Array($0) } } }

    /// The key, copied; nil if there is none.
    public var key: [UInt8]? { batch.records.withKey(at: index) { $0.map { Array($0) } } }

    /// The headers, copied.
    public var headers: Headers { batch.records.headers(at: index) }

    /// The value as text.
    ///
    /// - Throws: `.serialization` if the value is not UTF-8 or if there is none (a tombstone). The message is as it was:
    ///   ``value`` has its bytes.
    public var text: String {
        get throws(MsgBusError) {
            let text: String?? = batch.records.withValue(at: index) { bytes in
                bytes.map { String(validating: $0, as: UTF8.self) }
            }
            switch text {
            case .some(.some(let text)):
                return text
            case .some(.none):
                throw error("the value is not UTF-8: read `value`, which has its bytes")
            case .none:
                throw error("the message is a tombstone, it has no value: read `value`, which is nil")
            }
        }
    }

    /// Whether there is no value.
    var isTombstone: Bool { batch.records.withValue(at: index) { $0 == nil } }

    /// The value as text, with U+FFFD for what is not UTF-8, and empty for a tombstone.
    var repairedText: String {
        batch.records.withValue(at: index) { $0.map { String(decoding: $0, as: UTF8.self) } } ?? ""
    }

    /// Lends the value's bytes without copying them.
    ///
    /// - Parameter body: Gets the bytes, or nil for a tombstone.
    /// - Returns: What the closure returns.
    public func withValueBytes<Result, Failure: Error>(
        _ body: (RawSpan?) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try batch.records.withValue(at: index) { (bytes) throws(Failure) in
            guard let bytes else { return try body(nil) }
            return try body(UnsafeRawBufferPointer(bytes).bytes)
        }
    }

    /// Lends the key's bytes without copying them.
    ///
    /// - Parameter body: Gets the bytes, or nil if there is no key.
    /// - Returns: What the closure returns.
    public func withKeyBytes<Result, Failure: Error>(
        _ body: (RawSpan?) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try batch.records.withKey(at: index) { (bytes) throws(Failure) in
            guard let bytes else { return try body(nil) }
            return try body(UnsafeRawBufferPointer(bytes).bytes)
        }
    }

    /// The same message with bytes of its own, for keeping.
    public func detached() -> Message {
        Message(batch: RecordBatch(copyOf: self), index: 0, partition: partition, offset: offset)
    }

    private func error(_ message: String) -> MsgBusError {
        var error = MsgBusError(.serialization, message)
        error.topic = topic
        error.partition = partition
        error.offset = offset
        return error
    }
}

extension Message: CustomStringConvertible {
    /// Where the message stands; its content belongs into no log.
    public var description: String { "\(topic)/\(partition)@\(offset)" }
}
