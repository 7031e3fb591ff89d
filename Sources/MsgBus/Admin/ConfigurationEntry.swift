/// One setting of a topic: ``BusAdmin/topicConfiguration(_:timeout:)``.
public struct ConfigurationEntry: Sendable, Hashable {
    /// Where a value comes from.
    public enum Source: String, Sendable, Hashable {
        /// The topic's own: it was created with it, or it was set later.
        case topic
        /// The brokers' configuration.
        case broker
        /// Kafka's own default.
        case `default`
        /// The broker is too old to say.
        case unknown
    }

    /// Kafka's name for it, for example `retention.ms`.
    public var name: String
    /// The value in force; nil where there is none, and for those that are secret.
    public var value: String?
    /// Where the value comes from.
    public var source: Source
    /// Whether it can't be changed.
    public var isReadOnly: Bool
    /// Whether the value is secret: brokers don't tell such.
    public var isSensitive: Bool

    /// Checks names and values to send.
    static func validate(_ changes: [String: String?]) throws(MsgBusError) {
        for (name, value) in changes {
            guard !name.isEmpty, !name.utf8.contains(0), value?.utf8.contains(0) != true else {
                throw MsgBusError(.configuration, "the setting \"\(name)\" has no name, or a NUL in its name or value")
            }
        }
    }
}
