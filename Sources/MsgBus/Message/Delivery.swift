/// The broker's receipt for a message.
public struct Delivery: Sendable, Hashable {
    /// The topic that has the message.
    public var topic: String

    /// The partition that has the message.
    public var partition: Int

    /// The message's offset in its partition; -1 when the broker gave none, which is so with ``Acknowledgement/none`` and
    /// for a repeated send that the broker recognised. See ``hasOffset``.
    public var offset: Int64

    /// The time that the broker keeps with the message, if it told it.
    public var timestamp: MessageTimestamp?

    /// From the call of the write to the broker's answer.
    public var latency: Duration

    /// Whether ``offset`` is known.
    public var hasOffset: Bool { offset >= 0 }
}
