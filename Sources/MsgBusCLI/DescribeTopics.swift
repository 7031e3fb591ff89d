import ArgumentParser
import MsgBus

struct DescribeTopics: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "describe",
        abstract: "Show topics with their partitions and settings.",
        discussion: """
            --json prints an array of {"name", "internal", "partitions": [{"partition", "leader", "replicas", "inSync", \
            "beginning", "end"}], "settings": [{"name", "value", "source"}]}. Settings are null where the broker doesn't tell \
            them, as the embedded one.

              msgbus topics describe orders
              msgbus topics describe orders --all --json | jq '.[0].settings'
            """
    )

    @Argument(help: ArgumentHelp("The topics.", valueName: "topic"))
    var topics: [String]

    @Flag(help: "Show all settings, not only those that are the topic's own.")
    var all = false

    @OptionGroup var options: AdminOptions

    func run() async throws {
        try await options.administrate { admin in
            try await options.describe(try await admin.describeTopics(topics, timeout: options.time)) { topic in
                // Nobody knows the end of a partition without a leader.
                let led = topic.partitions.filter { $0.leader != nil }.map {
                    TopicPartition(topic: topic.name, partition: $0.partition)
                }
                let marks = try await admin.watermarks(of: led, timeout: options.time)
                let settings = try await settings(of: topic.name, admin)
                return (value(topic, marks, settings), text(topic, marks, settings))
            }
        }
    }

    /// Nil where the broker can't tell.
    private func settings(of topic: String, _ admin: BusAdmin) async throws -> [ConfigurationEntry]? {
        do throws(MsgBusError) {
            return try await admin.topicConfiguration(topic, timeout: options.time).filter {
                all || $0.source == .topic
            }
        } catch {
            guard [.notAvailable, .unsupported, .authorization].contains(error.code) else { throw error }
            return nil
        }
    }

    private func value(
        _ topic: TopicDescription,
        _ marks: [TopicPartition: Range<Int64>],
        _ settings: [ConfigurationEntry]?
    ) -> JSON {
        let partitions = topic.partitions.map { partition in
            let mark = marks[TopicPartition(topic: topic.name, partition: partition.partition)]
            return JSON.object([
                "partition": JSON(partition.partition), "leader": JSON(partition.leader),
                "replicas": .array(partition.replicas.map { JSON($0) }),
                "inSync": .array(partition.inSyncReplicas.map { JSON($0) }),
                "beginning": JSON(mark?.lowerBound), "end": JSON(mark?.upperBound),
            ])
        }
        let entries = settings?.map { entry in
            JSON.object([
                "name": .string(entry.name), "value": JSON(entry.value), "source": .string(entry.source.rawValue),
            ])
        }
        return .object([
            "name": .string(topic.name), "internal": .bool(topic.isInternal), "partitions": .array(partitions),
            "settings": entries.map { .array($0) } ?? .null,
        ])
    }

    private func text(
        _ topic: TopicDescription,
        _ marks: [TopicPartition: Range<Int64>],
        _ settings: [ConfigurationEntry]?
    ) -> [String] {
        func list(_ brokers: [Int]) -> String { brokers.map(String.init).joined(separator: ",") }
        var table = Table(
            .right("PARTITION"),
            .right("LEADER"),
            .left("REPLICAS"),
            .left("IN SYNC"),
            .right("BEGINNING"),
            .right("END")
        )
        for partition in topic.partitions {
            let mark = marks[TopicPartition(topic: topic.name, partition: partition.partition)]
            table.append(
                "\(partition.partition)",
                partition.leader.map(String.init) ?? "none",
                list(partition.replicas),
                list(partition.inSyncReplicas),
                mark.map { "\($0.lowerBound)" } ?? "-",
                mark.map { "\($0.upperBound)" } ?? "-"
            )
        }
        var lines = ["\(topic.name)\(topic.isInternal ? ", the cluster's own" : "")"] + table.lines
        guard let settings else { return lines + ["The broker doesn't tell the settings."] }
        guard !settings.isEmpty else { return lines }
        var entries = Table(.left("SETTING"), .left("VALUE"), .left("OF THE"))
        for entry in settings { entries.append(entry.name, entry.value ?? "-", entry.source.rawValue) }
        lines += entries.lines
        return lines
    }
}
