internal import Synchronization

/// Administers a cluster: topics, their configuration and their messages, groups, lag.
///
/// ```swift
/// let admin = try await BusAdmin.connect(brokers: ["kafka-1:9092"])
/// _ = try await admin.createTopic(NewTopic("orders", partitions: 6))
/// print(try await admin.lag(of: "billing").total)
/// await admin.close()
/// ```
///
/// **Time.** Every call has a deadline, 30 seconds unless you say otherwise, for all that it does. One that is over, or whose task was
/// cancelled, may have done what it was asked for all the same: look, or ask again.
///
/// **Several at once.** Calls about several topics or groups give a result for each, in the order in which they were named: one that
/// fails doesn't keep the others back.
///
/// **Internal topics.** Topics whose names begin with `__`, and those that the brokers call internal, are the cluster's own. Lists leave
/// the former out, and calls that change something refuse both with `.state`, unless `allowingInternal` is said. There is no call
/// that deletes or purges all there is.
///
/// **Old clusters, and the embedded one.** What a broker doesn't know is an `.unsupported` error. An ``EmbeddedBroker`` can list and
/// describe topics, and knows watermarks and lag; what changes something, or is about the members of groups, is an error there:
/// `.notAvailable` or `.unsupported`.
///
/// **Close.** ``close()`` ends every call with `.closed`. One that is let go without it is closed in the background.
public final class BusAdmin: Sendable {
    let admin: AdminClient
    /// Whether the brokers have been seen to know groups.
    let knowsGroups = Atomic(false)

    /// Connects with the configuration that the readers and writers have.
    ///
    /// - Parameter config: Brokers, security, times, properties. Its topic, direction, group, writer and reader options don't matter.
    /// - Returns: When a broker has answered.
    /// - Throws: `.configuration` at once; else at the latest after ``MsgBusConfig/connectTimeout`` an error that names the cause:
    ///   `.transport`, `.tls`, `.authentication`, `.timeout`; `.cancelled`.
    public static func connect(to config: MsgBusConfig) async throws(MsgBusError) -> BusAdmin {
        try await Cancellation.run { cancellation throws(MsgBusError) in
            let connector = try Connector(administrating: config, cancellation)
            let properties = try properties(connector)
            let (client, _) = try connector.connect { () throws(MsgBusError) in
                try KafkaClient.consumer(properties, connector)
            } isReady: { (_, _) throws(MsgBusError) in
                true
            }
            return BusAdmin(AdminClient(client))
        }
    }

    /// Connects to brokers; for all else there is ``connect(to:)``.
    ///
    /// - Parameters:
    ///   - brokers: As ``MsgBusConfig/brokers``; empty for `localhost:9092`.
    ///   - security: How to reach them. Default: in the clear.
    /// - Throws: As ``connect(to:)``, at the latest after ten seconds.
    public static func connect(
        brokers: [String],
        security: Security = .plaintext
    ) async throws(MsgBusError) -> BusAdmin {
        // The topic and the direction have no meaning here.
        var config = MsgBusConfig(topic: "", direction: .reader)
        config.brokers = brokers
        config.security = security
        return try await connect(to: config)
    }

    /// A consumer's, without a group: so ends of partitions can be asked for without regard to open transactions.
    private static func properties(_ connector: Connector) throws(MsgBusError) -> Properties {
        var properties = connector.connectionProperties()
        try properties.add(connector.config.properties)
        properties.set("isolation.level", "read_uncommitted")
        // Whoever asks for a topic doesn't want it made thereby.
        properties.set("allow.auto.create.topics", false)
        return properties
    }

    private init(_ admin: AdminClient) { self.admin = admin }

    deinit { _ = admin.close() }

    /// How the connection is. Never blocks.
    public func status() -> BusStatus { admin.isClosed ? .closed : admin.client.connection.status }

    /// Closes: ends every call with `.closed`, and frees everything. Takes some seconds at the most. Closing again waits for the same end.
    public func close() async { await admin.close().value() }

    /// The cluster's id, its controller and its brokers.
    ///
    /// - Parameter timeout: How long at most. Default: 30 seconds.
    /// - Throws: `.timeout`, `.transport`, `.cancelled`, `.closed`.
    public func describeCluster(timeout: Duration = .seconds(30)) async throws(MsgBusError) -> ClusterDescription {
        let deadline = Moment.after(timeout)
        return try await admin.ask("can't describe the cluster", by: deadline) { client, time throws(MsgBusError) in
            let brokers = try client.description(of: nil, within: time).brokers
            // Both are known by now, or won't be soon.
            let moment = min(time, .milliseconds(100))
            return ClusterDescription(
                id: client.clusterID(within: moment),
                controller: client.controllerID(within: moment),
                brokers: brokers
            )
        }
    }

    /// What changes a topic is the controller's work: without one librdkafka waits until the time is over, and says little.
    ///
    /// - Throws: `.notAvailable` if brokers answer and name no controller; `.timeout` with the connection's cause if none answers.
    func requireController(_ context: String, by deadline: Moment) async throws(MsgBusError) {
        // Until when a new one may be elected: known once a broker has answered without one.
        var election: Moment?
        while true {
            do throws(MsgBusError) {
                let isKnown = try await admin.ask(context, by: deadline) { client, time throws(MsgBusError) in
                    // An embedded broker names one that it doesn't have.
                    let brokers = try client.description(of: nil, within: time).brokers
                    let controller = client.controllerID(within: min(time, .milliseconds(100)))
                    return brokers.contains { $0.id == controller }
                }
                guard !isKnown else { return }
            } catch {
                guard error.isRetriable, error.code == .timeout || error.code == .transport else { throw error }
                // The last that was heard is that there is none.
                guard election == nil else { throw Self.withoutController(context) }
                throw admin.late(context)
            }
            // An election takes less.
            let end = election ?? min(deadline, .now + .seconds(2))
            election = end
            let pause = Duration.milliseconds(100)
            guard Moment.now + pause < end else { throw Self.withoutController(context) }
            try await admin.pause(pause)
        }
    }

    private static func withoutController(_ context: String) -> MsgBusError {
        let text = "\(context): no broker is known as the cluster's controller; an EmbeddedBroker has no administration"
        return MsgBusError(.notAvailable, text, isRetriable: true)
    }
}

extension Array where Element: Hashable {
    /// The elements without repetitions, in order.
    var unique: [Element] {
        var seen: Set<Element> = []
        return filter { seen.insert($0).inserted }
    }
}

extension Array {
    /// The results of some elements that were tried together, put with those that were not tried at all.
    ///
    /// - Parameter results: One for each element that `check` has no error for, in order.
    func results<Value>(
        _ check: (Element) -> MsgBusError?,
        _ attempt: ([Element]) async throws(MsgBusError) -> [Result<Value, MsgBusError>]
    ) async throws(MsgBusError) -> [Result<Value, MsgBusError>] {
        let errors = map(check)
        let valid = zip(self, errors).filter { $1 == nil }.map(\.0)
        var results = try await valid.isEmpty ? [] : attempt(valid)
        results.reverse()
        return errors.map { error in
            if let error { return .failure(error) }
            return results.popLast() ?? .failure(MsgBusError(.internal, "the answer says nothing of this"))
        }
    }
}
