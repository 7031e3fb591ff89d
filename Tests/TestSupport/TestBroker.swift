package import MsgBus

/// The brokers that a test can be run against.
package enum TestBroker: String, Sendable, CaseIterable {
    /// Inside this process.
    case embedded
    /// In a process of its own.
    case ownProcess

    /// Those that are there.
    package static let usable: [TestBroker] = ProcessBroker.isUsable ? [.embedded, .ownProcess] : [.embedded]

    private static let shared = Result { try EmbeddedBroker() }

    /// A configuration for it.
    package func config(topic: String, direction: BusDirection) throws -> MsgBusConfig {
        switch self {
        case .embedded:
            return try Self.shared.get().config(topic: topic, direction: direction)
        case .ownProcess:
            return try ProcessBroker.shared.get().config(topic: topic, direction: direction)
        }
    }

    /// Makes a topic.
    package func createTopic(_ topic: String, partitions: Int = 1) async throws {
        switch self {
        case .embedded:
            try Self.shared.get().createTopic(topic, partitions: partitions)
        case .ownProcess:
            var config = try config(topic: topic, direction: .reader)
            config.reader.missingTopic = .create(partitions: partitions)
            await (try await KafkaReader.connect(config)).close()
        }
    }
}
