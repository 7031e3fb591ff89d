/// A message's time, in milliseconds, and who set it.
public struct MessageTimestamp: Sendable, Hashable {
    /// Who set a message's time.
    public enum Kind: Sendable, Hashable {
        /// The writer, when it made the message. This is Kafka's default.
        case created
        /// The broker, when it appended the message: topics with `message.timestamp.type=LogAppendTime`.
        case appended
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    public var millisecondsSince1970: Int64

    /// Who set it.
    public var kind: Kind

    /// Makes a timestamp.
    ///
    /// - Parameters:
    ///   - millisecondsSince1970: The time.
    ///   - kind: Who set it. What a writer sends is always `.created`.
    public init(millisecondsSince1970: Int64, kind: Kind = .created) {
        self.millisecondsSince1970 = millisecondsSince1970
        self.kind = kind
    }
}

extension MessageTimestamp: Comparable {
    /// Whether one time is before another, whoever set them.
    public static func < (left: Self, right: Self) -> Bool {
        left.millisecondsSince1970 < right.millisecondsSince1970
    }
}
