/// How a group shares its partitions out among its members, who have to agree: Kafka's `partition.assignment.strategy`.
public struct Assignor: Sendable, Hashable {
    /// Kafka's names, the preferred first, separated by commas.
    public let names: String

    /// By Kafka's names, which the library has to know.
    public init(_ names: String) { self.names = names }

    /// `range`, or `roundrobin` where other members don't have that: librdkafka's default.
    public static let standard = Assignor("range,roundrobin")
    /// Each topic in ranges: equal keys in topics of equally many partitions meet in one member.
    public static let range = Assignor("range")
    /// All partitions of all topics in turn.
    public static let roundRobin = Assignor("roundrobin")
    /// Moves as few partitions as possible, while the others go on being read. Needs librdkafka 2.6.1; before, it can hang or abort.
    public static let cooperativeSticky = Assignor("cooperative-sticky")
}
