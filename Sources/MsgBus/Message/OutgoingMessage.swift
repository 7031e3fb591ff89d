/// A message to write.
public struct OutgoingMessage: Sendable, Hashable {
    /// The bytes. Nil is a tombstone, which deletes the key from a compacted topic; `[]` is an empty value.
    public var value: [UInt8]?

    /// The key. Messages with equal keys go to the same partition, in order. Nil, the default, spreads messages.
    public var key: [UInt8]?

    /// The headers. Default: none.
    public var headers: Headers

    /// The partition to write to. Nil, the default, leaves it to ``WriterOptions/partitioner``.
    public var partition: Int?

    /// The message's time. Nil, the default, is the time of writing.
    public var timestamp: MessageTimestamp?

    /// Makes a message of bytes.
    public init(
        value: [UInt8]?,
        key: [UInt8]? = nil,
        headers: Headers = Headers(),
        partition: Int? = nil,
        timestamp: MessageTimestamp? = nil
    ) {
        self.value = value
        self.key = key
        self.headers = headers
        self.partition = partition
        self.timestamp = timestamp
    }

    /// Makes a message of texts, sent as UTF-8.
    public init(
        _ text: String,
        key: String? = nil,
        headers: Headers = Headers(),
        partition: Int? = nil,
        timestamp: MessageTimestamp? = nil
    ) {
        self.init(
            value: Array(text.utf8),
            key: key.map { Array($0.utf8) },
            headers: headers,
            partition: partition,
            timestamp: timestamp
        )
    }

    /// What the message counts for in the writer's buffer.
    var size: Int {
        let contents = (value?.count ?? 0) + (key?.count ?? 0)
        return headers.isEmpty ? contents : contents + headers.size
    }
}

extension OutgoingMessage: ExpressibleByStringInterpolation {
    /// Makes a message of a text.
    public init(stringLiteral text: String) { self.init(text) }
}

extension OutgoingMessage: CustomStringConvertible {
    /// Sizes only: a message's content belongs into no log.
    public var description: String {
        func size(_ bytes: [UInt8]?) -> String { bytes.map { "\($0.count) bytes" } ?? "none" }
        return "message(value: \(size(value)), key: \(size(key)), headers: \(headers.count))"
    }
}
