internal import CRdKafka

/// Messages that are lent for the time of a closure, just as librdkafka received them: ``KafkaReader/withBatch(upTo:within:_:)``.
///
/// Looking at a message costs no copy, no allocation and no lock. Neither this nor its messages nor their bytes can leave the closure,
/// which the compiler sees to; what is to be kept is ``BorrowedMessage/message``.
public struct BorrowedMessages: ~Copyable, ~Escapable {
    private let batch: MessageBatch

    @_lifetime(immortal)
    fileprivate init(_ batch: MessageBatch) { self.batch = batch }

    /// How many there are.
    public var count: Int { batch.count }

    /// Whether there are none.
    public var isEmpty: Bool { batch.isEmpty }

    /// Their positions, per partition in the order of their offsets.
    public var indices: Range<Int> { 0..<batch.count }

    /// The message at a position.
    public subscript(position: Int) -> BorrowedMessage {
        @_lifetime(borrow self)
        get {
            precondition(
                position >= 0 && position < count,
                "the batch has \(count) messages, and none at \(position)"
            )
            let chunk = batch.chunks[batch.chunkIndex(of: position)]
            let index = chunk.range.lowerBound + position - chunk.start
            return _overrideLifetime(BorrowedMessage(chunk.batch, index), borrowing: self)
        }
    }
}

/// One message of ``BorrowedMessages``.
public struct BorrowedMessage: ~Escapable {
    private let batch: RecordBatch
    private let index: Int

    @_lifetime(immortal)
    fileprivate init(_ batch: RecordBatch, _ index: Int) {
        self.batch = batch
        self.index = index
    }

    private var record: rd_kafka_message_t { batch.records.borrowed(at: index).pointee }

    /// The partition that the message was read from.
    public var partition: Int { Int(record.partition) }

    /// The message's offset in its partition.
    public var offset: Int64 { record.offset }

    /// The topic that the message was read from.
    public var topic: String { batch.run(at: index).partition.topic }

    /// When the message was created or appended; nil if its writer was older than Kafka 0.10.
    public var timestamp: MessageTimestamp? { MessageTimestamp(of: batch.records.borrowed(at: index)) }

    /// The headers, copied.
    public var headers: Headers { batch.records.headers(at: index) }

    /// The value's bytes. Nil is a tombstone; empty is empty.
    public var value: RawSpan? {
        @_lifetime(copy self)
        get { span(record.payload, record.len) }
    }

    /// The key's bytes; nil if there is none.
    public var key: RawSpan? {
        @_lifetime(copy self)
        get { span(record.key, record.key_len) }
    }

    /// The same message for keeping, for ``KafkaReader/acknowledge(_:)`` and for ``KafkaReader/reject(_:because:)``.
    public var message: Message { batch.message(at: index) }

    @_lifetime(copy self)
    private func span(_ start: UnsafeMutableRawPointer?, _ count: Int) -> RawSpan? {
        guard let start else { return nil }
        let span = UnsafeRawBufferPointer(start: start, count: count).bytes
        return _overrideLifetime(span, copying: self)
    }
}

extension MessageBatch {
    /// Lends the messages to a closure, and keeps librdkafka's records in place meanwhile.
    ///
    /// - Throws: `.closed` when the records are gone, since the reader was closed; what the closure throws.
    func lend<Value>(to body: (borrowing BorrowedMessages) throws -> Value) throws -> Value {
        var entered = 0
        defer { for chunk in chunks.prefix(entered) { chunk.batch.records.leave() } }
        for chunk in chunks {
            guard chunk.batch.records.enter() else { throw MsgBusError(.closed, "the reader was closed") }
            entered += 1
        }
        return try body(BorrowedMessages(self))
    }
}

// The standard library's own are not public: they say what the compiler can't see.

@_unsafeNonescapableResult
@_transparent
@_lifetime(copy source)
private func _overrideLifetime<T: ~Copyable & ~Escapable, U: ~Copyable & ~Escapable>(
    _ dependent: consuming T,
    copying source: borrowing U
) -> T { dependent }

@_unsafeNonescapableResult
@_transparent
@_lifetime(borrow source)
private func _overrideLifetime<T: ~Copyable & ~Escapable, U: ~Copyable & ~Escapable>(
    _ dependent: consuming T,
    borrowing source: borrowing U
) -> T { dependent }
