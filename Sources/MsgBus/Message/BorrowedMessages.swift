/// Messages that are lent for the time of a closure, just as librdkafka received them: ``KafkaReader/withBatch(upTo:within:_:)``.
///
/// Looking at a message costs no copy, no allocation and no lock. Neither this nor its messages nor their bytes can leave the closure,
/// which the compiler sees to; what is to be kept is ``BorrowedMessage/message``.
public struct BorrowedMessages: ~Copyable, ~Escapable {
    private let batch: MessageBatch
    /// For each chunk whether its records are held in place; the others are copies by now.
    private let isHeld: [Bool]

    @_lifetime(immortal)
    fileprivate init(_ batch: MessageBatch, isHeld: [Bool]) {
        self.batch = batch
        self.isHeld = isHeld
    }

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
            let number = batch.chunkIndex(of: position)
            let chunk = batch.chunks[number]
            let index = chunk.range.lowerBound + position - chunk.start
            return _overrideLifetime(BorrowedMessage(chunk.batch, index, isHeld: isHeld[number]), borrowing: self)
        }
    }
}

/// One message of ``BorrowedMessages``.
public struct BorrowedMessage: ~Escapable {
    private let batch: RecordBatch
    private let index: Int
    private let isHeld: Bool

    @_lifetime(immortal)
    fileprivate init(_ batch: RecordBatch, _ index: Int, isHeld: Bool) {
        self.batch = batch
        self.index = index
        self.isHeld = isHeld
    }

    /// The partition that the message was read from.
    public var partition: Int { batch.run(at: index).partition.partition }

    /// The message's offset in its partition.
    public var offset: Int64 { batch.run(at: index).offset(at: index) }

    /// The topic that the message was read from.
    public var topic: String { batch.run(at: index).partition.topic }

    /// When the message was created or appended; nil if its writer was older than Kafka 0.10.
    public var timestamp: MessageTimestamp? { batch.records.timestamp(at: index) }

    /// The headers, copied.
    public var headers: Headers { batch.records.headers(at: index) }

    /// The value's bytes. Nil is a tombstone; empty is empty.
    public var value: RawSpan? {
        @_lifetime(copy self)
        get { span(batch.records.valueInPlace(at: index, isHeld: isHeld)) }
    }

    /// The key's bytes; nil if there is none.
    public var key: RawSpan? {
        @_lifetime(copy self)
        get { span(batch.records.keyInPlace(at: index, isHeld: isHeld)) }
    }

    /// The same message for keeping, for ``KafkaReader/acknowledge(_:)`` and for ``KafkaReader/reject(_:because:)``.
    public var message: Message { batch.message(at: index) }

    @_lifetime(copy self)
    private func span(_ bytes: UnsafeBufferPointer<UInt8>?) -> RawSpan? {
        guard let bytes else { return nil }
        return _overrideLifetime(UnsafeRawBufferPointer(bytes).bytes, copying: self)
    }
}

extension MessageBatch {
    /// Lends the messages to a closure, and keeps librdkafka's records in place meanwhile. Where those are gone, since the reader is being
    /// closed or the message was kept ``Message/detached()`` and rejected, there are copies.
    func lend<Value>(to body: (borrowing BorrowedMessages) throws -> Value) rethrows -> Value {
        let isHeld = chunks.map { $0.batch.records.enter() }
        defer { for (chunk, isHeld) in zip(chunks, isHeld) where isHeld { chunk.batch.records.leave() } }
        return try body(BorrowedMessages(self, isHeld: isHeld))
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
