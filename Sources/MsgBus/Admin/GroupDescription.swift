/// The groups that the brokers know: ``BusAdmin/listGroups(timeout:)``.
public struct GroupList: Sendable, Hashable {
    /// The groups, by name.
    public var groups: [GroupListing]
    /// What brokers said that couldn't name theirs: if this isn't empty, the list isn't complete.
    public var errors: [MsgBusError]
}

/// A group in a list.
public struct GroupListing: Sendable, Hashable {
    /// The group's name.
    public var id: String
    /// What it is doing; `.unknown` for brokers before Kafka 2.6.
    public var state: GroupState
    /// Whether it is only a name for committed offsets, that nobody has ever joined.
    public var isSimple: Bool
}

/// What a group is doing. An open set: newer clusters have further states.
public struct GroupState: Sendable, Hashable, CustomStringConvertible {
    /// The state's name, as it is spelled here.
    public let name: String

    init(name: String) { self.name = name }

    /// The broker doesn't say.
    public static let unknown = Self(name: "unknown")
    /// Its members are joining anew.
    public static let preparingRebalance = Self(name: "preparingRebalance")
    /// Its members are about to learn what each has got.
    public static let completingRebalance = Self(name: "completingRebalance")
    /// Its members have their partitions.
    public static let stable = Self(name: "stable")
    /// It doesn't exist, or not any more.
    public static let dead = Self(name: "dead")
    /// It has committed offsets and no members.
    public static let empty = Self(name: "empty")

    /// The state's name.
    public var description: String { name }
}

/// A group with its members: ``BusAdmin/describeGroups(_:timeout:)``.
public struct GroupDescription: Sendable, Hashable {
    /// The group's name.
    public var id: String
    /// What it is doing.
    public var state: GroupState
    /// Whether it is only a name for committed offsets, that nobody has ever joined.
    public var isSimple: Bool
    /// How it shares partitions out, for example `range`; nil while it has no members.
    public var assignor: String?
    /// The broker that looks after it; nil if the broker doesn't say.
    public var coordinator: BrokerDescription?
    /// Its members; none if nobody reads in it.
    public var members: [GroupMember]
}

/// A member of a group.
public struct GroupMember: Sendable, Hashable {
    /// The name that the broker gave it.
    public var id: String
    /// Its own name for itself, `client.id`; readers of this library are `msgbus` by default.
    public var clientID: String
    /// Its name as a static member, ``ReaderOptions/groupInstanceID``; nil if it is none.
    public var instanceID: String?
    /// From where it has connected.
    public var host: String
    /// What it has got, in order.
    public var partitions: [TopicPartition]
}
