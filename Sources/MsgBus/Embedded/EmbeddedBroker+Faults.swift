private import CRdKafka
package import Synchronization

/// Faults, for tests of what a service does when its cluster fails.
///
/// ```swift
/// let broker = try EmbeddedBroker(brokers: 3)
/// try broker.createTopic("orders")
/// try broker.fail(next: 2, .produce, with: .notEnoughReplicas)        // tried again, unseen by the writer
/// try broker.fail(.produce, with: .topicAuthorizationFailed)          // the write after these throws
/// try broker.moveLeader(ofTopic: "orders", partition: 0, to: 2)       // clients find it by themselves
/// try broker.setDown()                                                // status() goes to .disconnected
/// try broker.clearFaults()                                            // and back to .open
/// ```
///
/// Brokers are numbered from 1. Each call has happened when it returns; all throw `.configuration` for a broker, topic or partition
/// that isn't there, and `.closed` after ``close()``.
extension EmbeddedBroker {
    /// Takes a broker down: its connections break and new ones are refused, until ``setUp(broker:)``.
    ///
    /// Nothing else happens: no other broker takes over its partitions and groups, as in a real cluster that hasn't noticed yet.
    /// That is up to ``moveLeader(ofTopic:partition:to:)`` and its neighbours. What it stored stays. Answers that were under way are
    /// lost, also those to messages that it has stored.
    ///
    /// A child process that inherited a connection's descriptor holds it open: the client then notices by its timeouts only. And while a
    /// process is just being started by another thread, this may end the whole process, for the new one has the descriptor at which the
    /// broker listens for a moment (an assertion of librdkafka's, "Failed to-create mock broker listener").
    ///
    /// - Parameter broker: Which. Default: all of them.
    public func setDown(broker: Int? = nil) throws(MsgBusError) {
        try Self.starting.withLock { _ throws(MsgBusError) in
            try set("setDown", broker) { cluster, id in rd_kafka_mock_broker_set_down(cluster, id) }
        }
    }

    /// Held by our own tests while they start a process, and while a broker goes down: see ``setDown(broker:)``.
    package static let starting = Mutex(())

    /// Brings a broker up again, at the same address and with all its messages. One that is up stays so.
    ///
    /// - Parameter broker: Which. Default: all of them.
    public func setUp(broker: Int? = nil) throws(MsgBusError) {
        try set("setUp", broker) { cluster, id in rd_kafka_mock_broker_set_up(cluster, id) }
    }

    /// Makes a broker slow: each of its answers takes so long, including those that are under way.
    ///
    /// The request itself is done at once. So a message can be stored although its writer gave up waiting.
    ///
    /// - Parameters:
    ///   - time: How long, in whole milliseconds, rounded up. Zero: as fast as it can, which it is at first.
    ///   - broker: Which. Default: all of them.
    public func setRoundTripTime(_ time: Duration, broker: Int? = nil) throws(MsgBusError) {
        guard time >= .zero else {
            throw MsgBusError(.configuration, "setRoundTripTime(\(time)): it can't be negative")
        }
        try set("setRoundTripTime", broker) { cluster, id in
            rd_kafka_mock_broker_set_rtt(cluster, id, Int32(time.milliseconds))
        }
    }

    /// Makes the next requests of a kind fail, whoever sends them to whichever broker.
    ///
    /// A request that fails does nothing: no message of a failed produce request is stored. Each of its partitions gets the error.
    /// Further calls for the same kind queue up behind what is left of earlier ones, so that several make any sequence.
    /// Clients send again by themselves after many errors, which uses up failures too. A writer with ``Acknowledgement/none`` never
    /// hears of an error: its messages are gone.
    ///
    /// - Parameters:
    ///   - count: How many, 1 to 1,000,000. Default: one.
    ///   - request: Which kind.
    ///   - fault: What they are answered.
    public func fail(next count: Int = 1, _ request: Request, with fault: Fault) throws(MsgBusError) {
        guard (1...1_000_000).contains(count) else {
            throw MsgBusError(.configuration, "fail(next: \(count)): 1 to 1000000 are possible")
        }
        guard let code = fault.code else {
            throw MsgBusError(.configuration, "fail(with: \(fault)): Kafka's error codes are -1 and 1 to 32767")
        }
        try withCluster { cluster, _ in
            let errors = Array(repeating: rd_kafka_resp_err_t(rawValue: code), count: count)
            rd_kafka_mock_push_request_errors_array(cluster, request.apiKey, count, errors)
        }
    }

    /// Makes another broker the leader of a partition. The messages move with it.
    ///
    /// Nobody is told: clients learn it from the old leader's refusal.
    ///
    /// - Parameters:
    ///   - topic: A topic that ``createTopic(_:partitions:replicationFactor:)`` made.
    ///   - partition: The partition.
    ///   - broker: The new leader. There always is one: newer mock clusters crash when one without is written to.
    public func moveLeader(ofTopic topic: String, partition: Int, to broker: Int) throws(MsgBusError) {
        let call = "moveLeader(ofTopic: \"\(topic)\", partition: \(partition))"
        let id = try check(broker, call)
        try withCluster { cluster, state throws(MsgBusError) in
            // Asked for a topic that it doesn't have, the mock cluster would create it.
            guard let partitions = state.partitions[topic] else {
                throw MsgBusError(.configuration, "\(call): createTopic has made no such topic", topic: topic)
            }
            guard (0..<partitions).contains(partition) else {
                throw MsgBusError(.configuration, "\(call): it has partitions 0...\(partitions - 1)", topic: topic)
            }
            let code = rd_kafka_mock_partition_set_leader(cluster, topic, Int32(partition), id)
            guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw MsgBusError(kafka: code, call, topic: topic) }
        }
    }

    /// Makes another broker the coordinator of a group. Its members and commits move with it.
    ///
    /// The old one refuses the members' requests from then on, except commits, which every broker of this cluster takes.
    ///
    /// - Parameters:
    ///   - group: The group's id; the group needn't exist yet.
    ///   - broker: The new coordinator.
    public func moveCoordinator(ofGroup group: String, to broker: Int) throws(MsgBusError) {
        try moveCoordinator("group", "moveCoordinator(ofGroup: \"\(group)\")", group, to: broker)
    }

    /// Makes another broker the coordinator of a transactional id, also in the middle of a transaction.
    ///
    /// - Parameters:
    ///   - id: The transactional id; it needn't be in use yet.
    ///   - broker: The new coordinator.
    public func moveCoordinator(ofTransactionalID id: String, to broker: Int) throws(MsgBusError) {
        try moveCoordinator("transaction", "moveCoordinator(ofTransactionalID: \"\(id)\")", id, to: broker)
    }

    /// Ends all faults: each broker is up and fast, and no request will fail. Leaders and coordinators stay where they are.
    public func clearFaults() throws(MsgBusError) {
        try withCluster { cluster, _ in
            for request in Request.all { rd_kafka_mock_clear_request_errors(cluster, request.apiKey) }
        }
        try setRoundTripTime(.zero)
        try setUp()
    }

    private func moveCoordinator(
        _ kind: String,
        _ call: String,
        _ key: String,
        to broker: Int
    ) throws(MsgBusError) {
        guard !key.isEmpty else { throw MsgBusError(.configuration, "\(call): it is empty") }
        let id = try check(broker, call)
        let code = try withCluster { cluster, _ in rd_kafka_mock_coordinator_set(cluster, kind, key, id) }
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw MsgBusError(kafka: code, call) }
    }

    /// Does something to one broker, or to all.
    private func set(
        _ name: String,
        _ broker: Int?,
        _ body: (OpaquePointer, Int32) -> rd_kafka_resp_err_t
    ) throws(MsgBusError) {
        let id = try broker.map { broker throws(MsgBusError) in try check(broker, name) } ?? -1
        let code = try withCluster { cluster, _ in body(cluster, id) }
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw MsgBusError(kafka: code, name) }
    }

    /// The mock cluster would take any number for a coordinator, and abort when it is asked for it.
    private func check(_ broker: Int, _ call: String) throws(MsgBusError) -> Int32 {
        guard (1...brokerCount).contains(broker) else {
            throw MsgBusError(.configuration, "\(call): there is no broker \(broker); there are 1...\(brokerCount)")
        }
        return Int32(broker)
    }
}
