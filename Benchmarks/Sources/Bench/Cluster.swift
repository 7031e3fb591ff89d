import Foundation
import MsgBus

/// Where the clients write to and read from: an embedded broker in this process, a new one whenever it has been used up, or a
/// cluster of the user's.
final class Cluster {
    private let given: String?
    private var embedded: EmbeddedBroker?
    private var topics = 0
    private var filled: [Load: String] = [:]

    init(brokers: String?) { given = brokers }

    var isEmbedded: Bool { given == nil }

    /// Makes room: an embedded broker keeps all topics in memory.
    func reset() throws {
        guard isEmbedded else { return }
        embedded?.close()
        embedded = try EmbeddedBroker()
        filled = [:]
    }

    var brokers: String { given ?? embedded!.bootstrapServers }

    func makeTopic(partitions: Int) throws -> String {
        topics += 1
        let name = "bench-\(getpid())-\(topics)"
        try make(name, partitions)
        return name
    }

    /// Topics of one name, numbered.
    func makeTopics(_ count: Int, partitions: Int) throws -> String {
        topics += 1
        let name = "bench-\(getpid())-\(topics)"
        for index in 0..<count { try make("\(name)-\(index)", partitions) }
        return name
    }

    private func make(_ name: String, _ partitions: Int) throws {
        if let embedded { return try embedded.createTopic(name, partitions: partitions) }
        // What a reader makes stays: with a cluster of one's own, topics named bench-* are left.
        var config = MsgBusConfig(topic: name, direction: .reader)
        config.brokers = brokers.split(separator: ",").map(String.init)
        config.reader.missingTopic = .create(partitions: partitions)
        try connect(config).disconnect()
    }

    /// A topic with all messages of a load: the same for all who ask.
    func filledTopic(_ load: Load) throws -> String {
        // Only these matter for what is in it.
        let key = Load(messages: load.messages, size: load.size, partitions: load.partitions)
        if let topic = filled[key] { return topic }
        // The embedded broker forgets what is beyond 5 MB a partition; a record has some bytes of its own.
        let bytes = (load.messages / load.partitions + 1) * (load.size + 16)
        guard !isEmbedded || bytes < 4_700_000 else {
            throw Failure("\(bytes) bytes a partition are more than the embedded broker keeps")
        }
        let topic = try makeTopic(partitions: load.partitions)
        let settings = Settings.writer(linger: 50, messages: 1_000_000)
        _ = try Child.run(
            ["\(Child.folder)/baseline", "fill", "brokers=\(brokers)", "topic=\(topic)"]
                + ["messages=\(load.messages)", "size=\(load.size)", "--"] + settings.properties(for: .baseline)
        )
        try check(topic, has: load.messages)
        filled[key] = topic
        return topic
    }

    /// Asks the broker how many messages a topic has got.
    func check(_ topic: String, has messages: Int) throws {
        let settings = Settings.reader(wait: 5)
        let output = try Child.run(
            ["\(Child.folder)/baseline", "stored", "brokers=\(brokers)", "topic=\(topic)", "--"]
                + settings.properties(for: .baseline)
        )
        let stored = Int(try Child.result(of: output)["messages"] ?? -1)
        guard stored == messages else { throw Failure("\(topic) has \(stored) messages instead of \(messages)") }
    }
}
