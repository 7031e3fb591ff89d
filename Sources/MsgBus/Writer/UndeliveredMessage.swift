/// A message that was accepted and could not be delivered.
public struct UndeliveredMessage: Sendable {
    /// The message, with everything it takes to write it again; its ``OutgoingMessage/partition`` is the one it was meant for.
    public var message: OutgoingMessage

    /// Why, and whether it may be on the broker all the same.
    public var error: MsgBusError
}
