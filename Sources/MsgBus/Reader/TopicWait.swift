/// Decides on a reader's topic while it connects: is it there, is it worth waiting for, shall it be created.
final class TopicWait {
    private let connector: Connector
    private var hasCreated = false
    /// A topic that was just created isn't known to all brokers at once.
    private let grace = Moment.now + .seconds(1)

    init(_ connector: Connector) { self.connector = connector }

    /// What to read; nil to ask again.
    func plan(_ client: KafkaClient, _ metadata: TopicMetadata) throws(MsgBusError) -> ReadingPlan? {
        let subscription = try Subscription([connector.config.topic])
        var error: MsgBusError
        switch metadata {
        case .all(let topics):
            return ReadingPlan(
                subscription: subscription,
                partitions: topics.filter { subscription.contains($0.key) }
            )
        case .partitions(let count):
            try checkChosen(count)
            return ReadingPlan(subscription: subscription, partitions: [connector.config.topic: count])
        case .missing(let reason):
            error = reason
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
            if isLate || Moment.now > grace { throw error }
        case .wait:
            error.message = "the topic didn't come into being within \(connector.config.connectTimeout)"
            if isLate { throw error }
        case .create(let partitions, let replicationFactor):
            if isLate { throw error }
            if !hasCreated {
                let topic = NewTopic(
                    connector.config.topic,
                    partitions: partitions,
                    replicationFactor: replicationFactor
                )
                let results = try client.answer(to: .createTopics([topic]), within: connector.timeLeft)
                // Somebody else may have been faster.
                if case .failure(let error)? = results.first, !error.saysTopicExists { throw error }
                hasCreated = true
            }
        }
        return nil
    }

    private func checkChosen(_ count: Int) throws(MsgBusError) {
        guard let missing = connector.config.reader.partitions?.keys.filter({ $0 >= count }).min() else { return }
        throw MsgBusError(
            .unknownPartition,
            "reader.partitions names one that the topic doesn't have: it has \(count), counted from 0",
            topic: connector.config.topic,
            partition: missing
        )
    }
}
