import ArgumentParser
import MsgBus

/// `msgbus broker`: an embedded cluster for other processes.
struct BrokerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "broker",
        abstract: "Run a Kafka cluster to try things out.",
        discussion: """
            It lives in memory, on ports of its own choice, until it is interrupted. Its address is the one line on stdout. \
            Topics that are asked for and don't exist get four partitions. Each partition keeps about 5 MB and then \
            forgets the oldest messages, and it can't look for messages by time: it is for tests and demos. A group lets the \
            next reader in when the last one's session is over, after 45 seconds or its -X session.timeout.ms.

              msgbus broker --topic orders:4 --topic invoices
              msgbus broker > address & … MSGBUS_BROKERS=$(cat address) msgbus read orders
            """
    )

    @Option(help: ArgumentHelp("How many brokers the cluster has, 1 to 100.", valueName: "number"))
    var brokers = 1

    @Option(
        help: ArgumentHelp(
            "A topic to create, with one partition or as many as are said; may be repeated.",
            valueName: "name[:partitions]"
        )
    )
    var topic: [TopicArgument] = []

    func run() async throws {
        let broker = try EmbeddedBroker(brokers: brokers)
        defer { broker.close() }
        for topic in topic { try broker.createTopic(topic.name, partitions: topic.partitions ?? 1) }
        try Console.write(Array("\(broker.bootstrapServers)\n".utf8))
        Console.tell(
            """
            \(brokers == 1 ? "One broker is" : "\(brokers) brokers are") up, until Ctrl-C. In another terminal:
              export MSGBUS_BROKERS=\(broker.bootstrapServers)
              msgbus read \(topic.first?.name ?? "orders")
            """
        )
        // Nothing ever comes: the loop ends when the task is cancelled.
        let (nothing, source) = AsyncStream.makeStream(of: Void.self)
        for await _ in nothing {}
        source.finish()
        try Task.checkCancellation()
    }
}

/// A topic as `name` or `name:partitions`; Kafka's names have no colon.
struct TopicArgument: ExpressibleByArgument {
    let name: String
    let partitions: Int?

    init?(argument: String) {
        let parts = argument.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        if parts.count == 2 {
            guard let partitions = Int(parts[1]) else { return nil }
            self.partitions = partitions
        } else {
            partitions = nil
        }
        name = String(parts[0])
    }
}
