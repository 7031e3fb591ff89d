/// Messages that were read together: per partition in order.
public struct MessageBatch: Sendable, RandomAccessCollection {
    let messages: [Message]

    /// The position of the first message.
    public var startIndex: Int { messages.startIndex }

    /// The position after the last message.
    public var endIndex: Int { messages.endIndex }

    /// The message at a position.
    public subscript(position: Int) -> Message { messages[position] }
}
