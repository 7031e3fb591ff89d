private import CRdKafka
private import Synchronization

/// A Kafka cluster inside this process, for tests and demos: nothing is installed, nothing is left behind.
///
/// ```swift
/// let broker = try EmbeddedBroker()
/// try broker.createTopic("orders", partitions: 4)
/// let writer = try await KafkaWriter.connect(broker.config(topic: "orders", direction: .writer))
/// ```
///
/// Its brokers can be taken down, slowed and made to answer with errors, to see what a service does then: ``setDown(broker:)``,
/// ``fail(next:_:with:)`` and their neighbours.
///
/// It is librdkafka's mock cluster: real sockets on the loopback interface and Kafka's protocol, so other processes can use it too
/// (``bootstrapServers``). What it can't do, and what tests on it can't show:
///
/// - it keeps about 5 MB a partition, in memory, and drops the oldest silently;
/// - it answers a fetch only after `fetch.wait.max.ms`, which ``config(topic:direction:)`` therefore sets to 5 ms;
/// - a topic that doesn't exist is created with four partitions by whoever asks for it, so there is no unknown topic;
/// - a group's first assignment takes 3 seconds with a librdkafka before 2.3, and every later one nearly a session timeout, which
///   ``config(topic:direction:)`` therefore sets to 3 seconds;
/// - it doesn't know the order of an idempotent writer's requests: what is sent again, since the answer was lost, is there twice;
///   and what follows a request that failed is taken, so ``config(topic:direction:)`` lets one request at a time be under way;
/// - no message is ever found by its time: ``StartPosition/time(_:)`` starts at the end;
/// - there is no administration, TLS or SASL; transactions are acknowledged without being isolated;
/// - it ends the whole process, by an assertion (`!member->resp`), if a member of a group whose connection broke sends its second
///   `SyncGroup` before the cluster has noticed the break: a proxy in front of it that breaks connections gets there.
public final class EmbeddedBroker: Sendable {
    private let client: CHandle
    private let cluster: CHandle
    private let state = Mutex(State())

    /// How many brokers there are; their numbers begin at 1.
    let brokerCount: Int

    /// The brokers' addresses, `host:port`, separated by commas.
    public let bootstrapServers: String

    /// Starts a cluster.
    ///
    /// - Parameter brokers: How many brokers it has, 1 to 100. Default: one.
    /// - Throws: `.configuration` for another number; `.internal` when it can't be started.
    public init(brokers: Int = 1) throws(MsgBusError) {
        guard (1...100).contains(brokers) else {
            throw MsgBusError(.configuration, "EmbeddedBroker(brokers: \(brokers)): 1 to 100 are possible")
        }
        // The mock cluster lives in a client, one that connects to nothing and would say so on stderr.
        var properties = Properties()
        properties.set("log_level", 0)
        // The cluster's sockets go by this too: else two answers in a row make a client wait 40 ms for the second.
        properties.set("socket.nagle.disable", true)
        client = try properties.makeConfiguration().makeClient(RD_KAFKA_PRODUCER)
        guard let cluster = CHandle(rd_kafka_mock_cluster_new(client.pointer, Int32(brokers))) else {
            rd_kafka_destroy(client.pointer)
            throw MsgBusError(.internal, "the embedded cluster can't be started")
        }
        self.cluster = cluster
        brokerCount = brokers
        bootstrapServers = String(cString: rd_kafka_mock_cluster_bootstraps(cluster.pointer))
        _ = crdkafka_mock_set_group_initial_delay(cluster.pointer, 100)
    }

    deinit { close() }

    /// Creates a topic.
    ///
    /// - Parameters:
    ///   - name: Its name.
    ///   - partitions: How many partitions it has. Default: one.
    ///   - replicationFactor: How many brokers have each. Default: one.
    /// - Throws: `.configuration` for what can't be; `.admin` when it exists; `.closed`.
    public func createTopic(_ name: String, partitions: Int = 1, replicationFactor: Int = 1) throws(MsgBusError) {
        try MsgBusConfig.validate(topic: name)
        guard (1...100_000).contains(partitions), (1...100).contains(replicationFactor) else {
            throw MsgBusError(
                .configuration,
                "createTopic(partitions: \(partitions), replicationFactor: \(replicationFactor)): both have to be at least 1"
            )
        }
        let code = try withCluster { cluster, state in
            let code = rd_kafka_mock_topic_create(cluster, name, Int32(partitions), Int32(replicationFactor))
            if code == RD_KAFKA_RESP_ERR_NO_ERROR { state.partitions[name] = partitions }
            return code
        }
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
            throw MsgBusError(kafka: code, "can't create the topic", topic: name)
        }
    }

    /// A configuration for this cluster: its brokers, and settings with which it doesn't dawdle.
    ///
    /// - Parameters:
    ///   - topic: The topic.
    ///   - direction: Whether to write or to read it.
    public func config(topic: String, direction: BusDirection) -> MsgBusConfig {
        var config = MsgBusConfig(topic: topic, direction: direction)
        config.brokers = bootstrapServers.split(separator: ",").map(String.init)
        switch direction {
        case .writer:
            // A real broker refuses what follows a failed request of an idempotent writer. Told that it was stored, librdkafka
            // concludes that the failed one was too, and never sends it again. (The short name comes before the long one, which
            // a user who sets it means to win.)
            config.properties["max.in.flight"] = "1"
        case .reader:
            config.properties["fetch.wait.max.ms"] = "5"
            config.properties["session.timeout.ms"] = "3000"
            config.properties["heartbeat.interval.ms"] = "500"
            // Newer clusters of this kind look at it, older ones don't: this makes them the same.
            config.properties["allow.auto.create.topics"] = "true"
        }
        return config
    }

    /// Stops the cluster; everything in it is gone. Idempotent. Also happens when the last reference goes.
    public func close() {
        let isFirst = state.withLock { state in
            defer { state.isClosed = true }
            return !state.isClosed
        }
        guard isFirst else { return }
        rd_kafka_mock_cluster_destroy(cluster.pointer)
        rd_kafka_destroy(client.pointer)
    }

    /// What is known of the cluster, beside what it knows itself.
    struct State {
        fileprivate(set) var isClosed = false
        /// How many partitions each topic has that ``createTopic(_:partitions:replicationFactor:)`` made.
        fileprivate(set) var partitions: [String: Int] = [:]
    }

    /// Does something with the cluster, which isn't closed meanwhile.
    func withCluster<Result>(
        _ body: (OpaquePointer, inout State) throws(MsgBusError) -> Result
    ) throws(MsgBusError) -> Result {
        try state.withLock { state throws(MsgBusError) in
            guard !state.isClosed else { throw MsgBusError(.closed, "the embedded broker is closed") }
            return try body(cluster.pointer, &state)
        }
    }
}
