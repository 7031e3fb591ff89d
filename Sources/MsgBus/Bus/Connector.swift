internal import Dispatch

/// Connects a client to the cluster, as often as the configuration allows, and proves it with the topic's metadata.
struct Connector {
    let config: MsgBusConfig
    /// The topic whose metadata proves a connection; nil for one that is about no topic.
    private let topic: String?
    let log: BusLog
    let deadline: Moment
    let cancellation: Cancellation
    let metrics: ConnectionMetrics?
    private let brokers: [BrokerAddress]

    init(
        _ config: MsgBusConfig,
        _ direction: BusDirection,
        _ instruments: Instruments,
        _ cancellation: Cancellation
    ) throws(MsgBusError) {
        try config.validate(for: direction)
        let log = BusLog(topic: config.topic, direction: direction, groupID: config.groupID)
        let metrics = instruments.metrics.map { ConnectionMetrics($0, config) }
        try self.init(config, topic: config.topic, log, metrics, cancellation)
    }

    /// For a connection that is about no topic.
    init(administrating config: MsgBusConfig, _ cancellation: Cancellation) throws(MsgBusError) {
        try config.validateConnection()
        // The metrics of a connection are about its topic.
        try self.init(config, topic: nil, .administration, nil, cancellation)
    }

    private init(
        _ config: MsgBusConfig,
        topic: String?,
        _ log: BusLog,
        _ metrics: ConnectionMetrics?,
        _ cancellation: Cancellation
    ) throws(MsgBusError) {
        self.config = config
        self.topic = topic
        self.log = log
        self.cancellation = cancellation
        self.metrics = metrics
        brokers = try config.brokerAddresses()
        deadline = .after(config.connectTimeout)
    }

    /// How long there is left, never negative.
    var timeLeft: Duration { max(.zero, Moment.now.duration(to: deadline)) }

    /// What librdkafka needs to know to reach the brokers.
    func connectionProperties() -> Properties {
        var properties = Properties()
        properties.set("bootstrap.servers", brokers.map(\.description).joined(separator: ","))
        properties.set("client.id", "msgbus")
        properties.set("log.queue", true)
        // librdkafka's own default since 2.10: with TLS, Nagle's algorithm costs 40 ms now and then.
        properties.set("socket.nagle.disable", true)
        // Middleboxes drop idle connections without a word.
        properties.set("socket.keepalive.enable", true)
        // A broker that comes back is found within a second, at the price of one attempt a second (librdkafka: 10).
        properties.set("reconnect.backoff.max.ms", 1000)
        if let interval = config.statisticsInterval { properties.set("statistics.interval.ms", interval) }
        // No telemetry to the broker that nobody asked for.
        properties.setIfKnown("enable.metrics.push", "false")
        config.security.add(to: &properties)
        return properties
    }

    /// Tries until one attempt has worked: each with a new client, since a client reports a dead broker only once.
    ///
    /// - Parameters:
    ///   - makeClient: Makes the client of an attempt.
    ///   - isReady: Decides on what the cluster says about the topic; nil to ask again.
    /// - Returns: The client, and what `isReady` said.
    func connect<Value>(
        makeClient: () throws(MsgBusError) -> KafkaClient,
        isReady: (KafkaClient, TopicMetadata) throws(MsgBusError) -> Value?
    ) throws(MsgBusError) -> (client: KafkaClient, value: Value) {
        if config.security.showsCredentials(config.properties) {
            log.warning("the login travels without TLS: everyone on the network can read it")
        }
        if config.security.trustsEverybody(config.properties) {
            log.warning("the broker's certificate isn't verified: everyone on the network can pose as the broker")
        }
        var attempt = 1
        var pause = Duration.milliseconds(100)
        // The last attempt may be too short to learn what the ones before it have learned.
        var cause: MsgBusError?
        while true {
            let client = try makeClient()
            let failure: MsgBusError
            do throws(MsgBusError) {
                let value = try prove(client, isReady)
                client.didConnect()
                return (client, value)
            } catch {
                failure = error
            }
            discard(client)
            log.info("attempt \(attempt) to connect failed: \(failure)")
            let hasAttempts = attempt < config.connectRetries
            guard failure.isRetriable, hasAttempts, timeLeft > .milliseconds(100) else {
                throw (failure.code == .timeout ? cause ?? failure : failure).after(attempts: attempt)
            }
            if failure.code != .timeout { cause = failure }
            // The last pause is cut short, so that there is an attempt near the end of the time.
            cancellation.sleep(min(pause, timeLeft / 2))
            try cancellation.check()
            attempt += 1
            pause = min(pause * 2, .seconds(1))
        }
    }

    /// Asks for the topic's metadata until it is ready, the brokers are known to be down, or the time is over.
    ///
    /// librdkafka can't be interrupted while it waits, so it is asked to wait a little, and longer each time for links that
    /// need it.
    private func prove<Value>(
        _ client: KafkaClient,
        _ isReady: (KafkaClient, TopicMetadata) throws(MsgBusError) -> Value?
    ) throws(MsgBusError) -> Value {
        var slice = Duration.milliseconds(100)
        while true {
            try cancellation.check()
            let left = timeLeft
            guard left > .zero else { throw failure(of: client) }
            do throws(MsgBusError) {
                let metadata = try metadata(client, within: min(slice, left))
                client.connection.answered()
                if let value = try isReady(client, metadata) { return value }
                cancellation.sleep(min(.milliseconds(50), timeLeft))
            } catch {
                // `isReady` refused, which no further question changes.
                guard error.code == .timeout || error.code == .transport else { throw error }
                let cause = client.connection.cause
                // A failed login may work the next time, with another token for example.
                // And where there are several brokers, the next one may be right, unless there is nothing to log in with.
                let isRefused = cause.map { !$0.isRetriable || $0.code == .authentication } ?? false
                let isHopeless = isRefused && (brokers.count == 1 || client.tokens?.failure != nil)
                if client.connection.isSuspect || isHopeless { throw failure(of: client) }
                slice = min(slice * 2, .seconds(4))
            }
        }
    }

    private func metadata(_ client: KafkaClient, within time: Duration) throws(MsgBusError) -> TopicMetadata {
        guard let topic, !Subscription.isPattern(topic) else { return .all(try client.allTopics(within: time)) }
        return try client.topicMetadata(topic, within: time)
    }

    /// Why nobody answered, said for somebody who only sees this line.
    private func failure(of client: KafkaClient) -> MsgBusError {
        var error =
            client.connection.cause
            ?? MsgBusError(.timeout, silence(of: client), isRetriable: true)
        if error.code == .invalidRecord {
            error.code = .transport
            error.message += "; is this a Kafka broker?"
        }
        if brokers.count == 1, error.message.hasPrefix("\(brokers[0]): ") {
            error.message.removeFirst("\(brokers[0]): ".count)
        }
        error.message = "can't connect to \(brokers.map(\.description).joined(separator: ", ")): \(error.message)"
        error.topic = topic
        return error
    }

    private func silence(of client: KafkaClient) -> String {
        if client.tokens?.isWaiting == true {
            return "the token provider hasn't returned within \(config.connectTimeout)"
        }
        let doubt = config.security.tls == nil ? "" : "; does it speak TLS at this port?"
        return "no broker answered within \(config.connectTimeout)\(doubt)"
    }

    /// Destroying a client can take a moment, which an attempt needn't wait for.
    func discard(_ client: KafkaClient) {
        client.beginClose()
        client.work.async { client.destroy(isClean: false) }
    }
}

extension MsgBusError {
    fileprivate func after(attempts: Int) -> MsgBusError {
        guard attempts > 1 else { return self }
        var error = self
        error.message += "; \(attempts) attempts were made"
        return error
    }
}
