import ArgumentParser
import MsgBus

/// `msgbus topics`: topics, their partitions and their configuration.
struct TopicsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "topics",
        abstract: "List, describe, create, delete and configure topics.",
        discussion: """
            Topics whose names begin with __ are the cluster's own: they aren't listed without --internal, and not changed \
            without --allow-internal.

              msgbus topics list
              msgbus topics create orders:6 --setting retention.ms=86400000
              msgbus topics configure orders retention.ms=3600000
            """,
        subcommands: [
            ListTopics.self, DescribeTopics.self, CreateTopics.self, DeleteTopics.self, ConfigureTopic.self,
            AddPartitions.self,
        ]
    )
}

struct ListTopics: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List the topics.",
        discussion: """
            --json prints an array of {"name", "partitions", "replicas", "internal"}: how many of each.

              msgbus topics list --json | jq -r '.[].name'
            """
    )

    @Flag(help: "List the cluster's own topics, too.")
    var `internal` = false

    @OptionGroup var options: AdminOptions

    func run() async throws {
        try await options.administrate { admin in
            let names = try await admin.listTopics(includingInternal: self.internal, timeout: options.time)
            var table = Table(.left("TOPIC"), .right("PARTITIONS"), .right("REPLICAS"))
            var values: [JSON] = []
            var failures = Failures()
            for result in try await admin.describeTopics(names, timeout: options.time) {
                // It has been deleted meanwhile.
                if case .failure(let error) = result, error.code == .unknownTopic { continue }
                await failures.gather {
                    let topic = try result.get()
                    let replicas = topic.partitions.map(\.replicas.count).max() ?? 0
                    table.append(topic.name, "\(topic.partitions.count)", "\(replicas)")
                    values.append(
                        .object([
                            "name": .string(topic.name), "partitions": JSON(topic.partitions.count),
                            "replicas": JSON(replicas), "internal": .bool(topic.isInternal),
                        ])
                    )
                }
            }
            try await options.show(.array(values), table.isEmpty ? [] : table.lines)
            try failures.check()
        }
    }
}

struct CreateTopics: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create",
        abstract: "Create topics.",
        discussion: """
            Each has as many partitions as are said behind its name, or by --partitions, or as the broker decides. One that \
            can't be created doesn't keep the others back. --json prints an array of {"name", "error"}; errors are null or \
            {"code", "message"}.

              msgbus topics create orders:6 invoices --replication-factor 3 --setting cleanup.policy=compact
            """
    )

    @Argument(help: ArgumentHelp("The topics.", valueName: "name[:partitions]"))
    var topics: [TopicArgument]

    @Option(help: "How many partitions those have that don't say it. (default: the broker's)")
    var partitions: Int?

    @Option(help: ArgumentHelp("How many brokers have each partition. (default: the broker's)", valueName: "number"))
    var replicationFactor: Int?

    @Option(help: ArgumentHelp("A setting by Kafka's name; may be repeated.", valueName: "name=value"))
    var setting: [NameAndValue] = []

    @Flag(help: "Only have the broker say whether it would.")
    var validateOnly = false

    @Flag(help: "Names may begin with __.")
    var allowInternal = false

    @OptionGroup var options: AdminOptions

    func validate() throws { try setting.requireValues() }

    func run() async throws {
        let settings = Dictionary(setting.map { ($0.name, $0.value ?? "") }) { $1 }
        let news = topics.map { topic in
            NewTopic(
                topic.name,
                partitions: topic.partitions ?? partitions,
                replicationFactor: replicationFactor,
                configuration: settings
            )
        }
        try await options.administrate { admin in
            let results = try await admin.createTopics(
                news,
                validateOnly: validateOnly,
                allowingInternal: allowInternal,
                timeout: options.time
            )
            let done = validateOnly ? "can be created" : "created"
            try await options.report(Array(zip(news.map(\.name), results)), done)
        }
    }
}

struct DeleteTopics: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete",
        abstract: "Delete topics with all their messages.",
        discussion: """
            Asks first. One that can't be deleted doesn't keep the others back. --json prints an array of {"name", "error"}.

              msgbus topics delete orders invoices --yes
            """
    )

    @Argument(help: ArgumentHelp("The topics.", valueName: "topic"))
    var topics: [String]

    @Flag(help: "They may be the cluster's own.")
    var allowInternal = false

    @OptionGroup var consent: Consent
    @OptionGroup var options: AdminOptions

    func run() async throws {
        try await options.administrate { admin in
            try await consent.ask("Delete \(topics.joined(separator: ", ")) with all messages?")
            let results = try await admin.deleteTopics(
                topics,
                allowingInternal: allowInternal,
                timeout: options.time
            )
            try await options.report(Array(zip(topics, results)), "deleted")
        }
    }
}

struct ConfigureTopic: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "configure",
        abstract: "Change a topic's settings; all others stay.",
        discussion: """
            With a librdkafka before 2.2 all of the topic's own settings are read and written back; then only one should \
            change a topic at a time.

              msgbus topics configure orders retention.ms=3600000 --reset segment.bytes
            """,
        aliases: ["alter"]
    )

    @Argument(help: "The topic.")
    var topic: String

    @Argument(help: ArgumentHelp("Settings by Kafka's names.", valueName: "name=value"))
    var settings: [NameAndValue] = []

    @Option(help: ArgumentHelp("A setting that shall have its default again; may be repeated.", valueName: "name"))
    var reset: [String] = []

    @Flag(help: "It may be one of the cluster's own topics.")
    var allowInternal = false

    @OptionGroup var options: AdminOptions

    func validate() throws { try settings.requireValues() }

    func run() async throws {
        try await options.administrate { admin in
            try await admin.alterTopic(
                topic,
                setting: Dictionary(settings.map { ($0.name, $0.value ?? "") }) { $1 },
                resetting: reset,
                allowingInternal: allowInternal,
                timeout: options.time
            )
            try await options.report([(topic, .success(()))], "configured")
        }
    }
}

struct AddPartitions: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add-partitions",
        abstract: "Give a topic more partitions; they can't be taken away again.",
        discussion: """
            Readers and writers go on. Messages with a key may go to another partition than those before.

              msgbus topics add-partitions orders 12
            """
    )

    @Argument(help: "The topic.")
    var topic: String

    @Argument(help: "How many it has then, those that it has included.")
    var total: Int

    @Flag(help: "It may be one of the cluster's own topics.")
    var allowInternal = false

    @OptionGroup var options: AdminOptions

    func run() async throws {
        try await options.administrate { admin in
            try await admin.addPartitions(
                to: topic,
                total: total,
                allowingInternal: allowInternal,
                timeout: options.time
            )
            try await options.report([(topic, .success(()))], "has \(total) partitions")
        }
    }
}

extension [NameAndValue] {
    func requireValues() throws {
        for item in self where item.value == nil {
            throw ValidationError("The setting '\(item.name)' has no value: write \(item.name)=VALUE")
        }
    }
}
