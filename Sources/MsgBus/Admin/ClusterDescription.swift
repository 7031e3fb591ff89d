/// A cluster: ``BusAdmin/describeCluster(timeout:)``.
public struct ClusterDescription: Sendable, Hashable {
    /// The cluster's id; nil if it has none, as an ``EmbeddedBroker`` of an old librdkafka.
    public var id: String?
    /// The broker that administers it; nil if none is known, and then nothing can be changed.
    public var controller: Int?
    /// Its brokers, by number.
    public var brokers: [BrokerDescription]
}

/// A broker of a cluster.
public struct BrokerDescription: Sendable, Hashable {
    /// Its number.
    public var id: Int
    /// The host that it has others connect to.
    public var host: String
    /// The port that it has others connect to.
    public var port: Int
}

extension BrokerDescription: CustomStringConvertible {
    /// For example `2 (kafka-2:9092)`.
    public var description: String { "\(id) (\(host.contains(":") ? "[\(host)]" : host):\(port))" }
}
