/// Decides on a reader's topic while it connects: is it there, is it worth waiting for, shall it be created.
final class TopicWait {
    private let connector: Connector
    private var hasCreated = false
    /// A topic that was just created isn't known to all brokers at once.
    private let grace = ContinuousClock.now + .seconds(1)

    init(_ connector: Connector) { self.connector = connector }

    /// How many partitions the topic has; nil to ask again.
    func partitions(_ client: KafkaClient, _ metadata: TopicMetadata) throws(MsgBusError) -> Int? {
        guard case .missing(var error) = metadata else {
            if case .partitions(let count) = metadata { return count }
            return nil
        }
        guard error.code == .unknownTopic else {
            if error.isRetriable { return nil }
            throw error
        }
        let isLate = connector.timeLeft < .milliseconds(200)
        switch connector.config.reader.missingTopic {
        case .fail:
            error.message =
                "the topic doesn't exist: create it, or let the reader wait for it or create it (missingTopic)"
            if isLate || ContinuousClock.now > grace { throw error }
        case .wait:
            error.message = "the topic didn't come into being within \(connector.config.connectTimeout)"
            if isLate { throw error }
        case .create(let partitions, let replicationFactor):
            if isLate { throw error }
            if !hasCreated {
                try client.createTopic(
                    connector.config.topic,
                    partitions: partitions,
                    replicationFactor: replicationFactor,
                    within: connector.timeLeft
                )
                hasCreated = true
            }
        }
        return nil
    }
}
