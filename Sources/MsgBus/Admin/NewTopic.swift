/// A topic to create: ``BusAdmin/createTopics(_:validateOnly:allowingInternal:timeout:)``.
public struct NewTopic: Sendable, Hashable {
    /// The name: 1 to 249 characters out of `a…z`, `A…Z`, `0…9`, `.`, `_` and `-`.
    public var name: String

    /// How many partitions it gets. Nil, the default, leaves it to the broker (its `num.partitions`; Kafka 2.4).
    public var partitions: Int?

    /// How many brokers have each partition. Nil, the default, leaves it to the broker (`default.replication.factor`; Kafka 2.4).
    public var replicationFactor: Int?

    /// What it is configured with, by Kafka's names; for example `["retention.ms": "86400000"]`. Default: nothing of its own.
    public var configuration: [String: String]

    /// Describes a topic to create.
    public init(
        _ name: String,
        partitions: Int? = nil,
        replicationFactor: Int? = nil,
        configuration: [String: String] = [:]
    ) {
        self.name = name
        self.partitions = partitions
        self.replicationFactor = replicationFactor
        self.configuration = configuration
    }

    /// Checks what needs no broker to be checked.
    func validate() throws(MsgBusError) {
        try MsgBusConfig.validate(topic: name)
        func wrong(_ why: String) -> MsgBusError {
            MsgBusError(.configuration, "can't create the topic: \(why)", topic: name)
        }
        if let partitions, !(1...100_000).contains(partitions) {
            throw wrong("\(partitions) partitions; 1 to 100000 are possible")
        }
        if let replicationFactor, !(1...1000).contains(replicationFactor) {
            throw wrong("the replication factor \(replicationFactor); 1 to 1000 are possible")
        }
        try ConfigurationEntry.validate(configuration.mapValues { $0 })
    }
}
