import ArgumentParser
import MsgBus

/// `msgbus groups`: consumer groups, their members and their offsets.
struct GroupsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "groups",
        abstract: "List, describe, reset and delete consumer groups.",
        discussion: """
              msgbus groups list
              msgbus groups describe billing
              msgbus groups reset billing --to beginning --topic orders --dry-run
            """,
        subcommands: [ListGroups.self, DescribeGroups.self, ResetGroup.self, DeleteGroups.self]
    )
}

struct ListGroups: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List the groups.",
        discussion: """
            --json prints an array of {"name", "state", "simple"}; simple are those that nobody has ever joined.

              msgbus groups list
            """
    )

    @OptionGroup var options: AdminOptions

    func run() async throws {
        try await options.administrate { admin in
            let list = try await admin.listGroups(timeout: options.time)
            var table = Table(.left("GROUP"), .left("STATE"))
            for group in list.groups { table.append(group.id, group.state.name) }
            let values = list.groups.map { group in
                JSON.object([
                    "name": .string(group.id), "state": .string(group.state.name), "simple": .bool(group.isSimple),
                ])
            }
            try await options.show(.array(values), table.isEmpty ? [] : table.lines)
            var failures = Failures()
            for error in list.errors { await failures.gather { throw error } }
            try failures.check()
        }
    }
}

struct DescribeGroups: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "describe",
        abstract: "Show groups with their members and what these have got.",
        discussion: """
            How far they have come is what msgbus lag shows. --json prints an array of {"name", "state", "assignor", \
            "coordinator", "members": [{"id", "client", "instance", "host", "partitions": ["topic/number"]}]}.

              msgbus groups describe billing
            """
    )

    @Argument(help: ArgumentHelp("The groups.", valueName: "group"))
    var groups: [String]

    @OptionGroup var options: AdminOptions

    func run() async throws {
        try await options.administrate { admin in
            try await options.describe(try await admin.describeGroups(groups, timeout: options.time)) { group in
                (Self.value(group), Self.text(group))
            }
        }
    }

    private static func value(_ group: GroupDescription) -> JSON {
        let members = group.members.map { member in
            JSON.object([
                "id": .string(member.id), "client": .string(member.clientID), "instance": JSON(member.instanceID),
                "host": .string(member.host), "partitions": .array(member.partitions.map { .string("\($0)") }),
            ])
        }
        return .object([
            "name": .string(group.id), "state": .string(group.state.name), "assignor": JSON(group.assignor),
            "coordinator": JSON(group.coordinator?.id), "members": .array(members),
        ])
    }

    private static func text(_ group: GroupDescription) -> [String] {
        var head = "\(group.id): \(group.state)"
        if let assignor = group.assignor { head += ", \(assignor)" }
        if let coordinator = group.coordinator { head += ", coordinated by broker \(coordinator)" }
        guard !group.members.isEmpty else { return [head] }
        var table = Table(.left("MEMBER"), .left("CLIENT"), .left("HOST"), .left("PARTITIONS"))
        for member in group.members {
            let partitions = member.partitions.map(\.description).joined(separator: " ")
            table.append(
                member.instanceID ?? member.id,
                member.clientID,
                member.host,
                partitions.isEmpty ? "-" : partitions
            )
        }
        return [head] + table.lines
    }
}

struct ResetGroup: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reset",
        abstract: "Set what a group has committed, so that its readers go on elsewhere.",
        discussion: """
            The group must have no members. Without --topic all topics are meant in which it has committed something. \
            Asks first; --dry-run only shows the plan. --json prints an array of {"topic", "partition", "old", "new"}.

              msgbus groups reset billing --to beginning --dry-run
              msgbus groups reset billing --to 2026-01-31T08:00:00Z --topic orders --yes
              msgbus groups reset billing --shift -100 --yes
              msgbus groups reset billing --offset orders/0=17 --offset orders/1=23 --yes
            """
    )

    @Argument(help: "The group.")
    var group: String

    @Option(
        help: ArgumentHelp(
            "beginning, end, or a time as 2026-01-31T08:00:00Z or in milliseconds since 1970.",
            valueName: "position"
        )
    )
    var to: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("So many messages on, or back if it is negative.", valueName: "number")
    )
    var shift: Int64?

    @Option(help: ArgumentHelp("An offset of a partition; may be repeated.", valueName: "topic/partition=offset"))
    var offset: [PartitionOffset] = []

    @Option(name: [.short, .long], help: "Only in this topic; may be repeated.")
    var topic: [String] = []

    @Flag(help: "Only show what would be changed.")
    var dryRun = false

    @OptionGroup var consent: Consent
    @OptionGroup var options: AdminOptions

    func validate() throws { _ = try reset() }

    private func reset() throws -> OffsetReset {
        guard [to != nil, shift != nil, !offset.isEmpty].count(where: { $0 }) == 1 else {
            throw ValidationError("Say where to: one of --to, --shift and --offset.")
        }
        if let shift { return .shift(shift) }
        guard let to else { return .offsets(Dictionary(offset.map { ($0.partition, $0.offset) }) { $1 }) }
        switch to {
        case "beginning", "earliest": return .beginning
        case "end", "latest": return .end
        default:
            guard let time = StartOption.milliseconds(to) else {
                throw ValidationError("The position '\(to)' is neither beginning nor end nor a time.")
            }
            return .time(MessageTimestamp(millisecondsSince1970: time))
        }
    }

    func run() async throws {
        let reset = try reset()
        let topics = topic.isEmpty ? nil : topic
        try await options.administrate { admin in
            var plan = try await admin.resetOffsets(
                of: group,
                to: reset,
                topics: topics,
                dryRun: true,
                timeout: options.time
            )
            if !dryRun {
                let count = plan.count { $0.old != $0.new }
                try await consent.ask("Set the offsets of \(group) in \(count) of \(plan.count) partitions?")
                plan = try await admin.resetOffsets(of: group, to: reset, topics: topics, timeout: options.time)
            }
            var table = Table(.left("TOPIC"), .right("PARTITION"), .right("OLD"), .right("NEW"))
            for change in plan {
                let partition = change.topicPartition
                table.append(
                    partition.topic,
                    "\(partition.partition)",
                    change.old.map { "\($0)" } ?? "-",
                    "\(change.new)"
                )
            }
            let values = plan.map { change in
                JSON.object([
                    "topic": .string(change.topicPartition.topic), "partition": JSON(change.topicPartition.partition),
                    "old": JSON(change.old), "new": JSON(change.new),
                ])
            }
            try await options.show(.array(values), table.lines)
        }
    }
}

struct DeleteGroups: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete",
        abstract: "Delete groups with all that they have committed.",
        discussion: """
            Asks first. Groups with members stay. --json prints an array of {"name", "error"}.

              msgbus groups delete billing --yes
            """
    )

    @Argument(help: ArgumentHelp("The groups.", valueName: "group"))
    var groups: [String]

    @OptionGroup var consent: Consent
    @OptionGroup var options: AdminOptions

    func run() async throws {
        try await options.administrate { admin in
            try await consent.ask("Delete \(groups.joined(separator: ", ")) with what they have committed?")
            let results = try await admin.deleteGroups(groups, timeout: options.time)
            try await options.report(Array(zip(groups, results)), "deleted")
        }
    }
}

/// `topic/partition=offset`.
struct PartitionOffset: ExpressibleByArgument {
    let partition: TopicPartition
    let offset: Int64

    init?(argument: String) {
        guard let equals = argument.lastIndex(of: "="), let slash = argument[..<equals].lastIndex(of: "/"),
            let number = Int(argument[argument.index(after: slash)..<equals]), number >= 0,
            let offset = Int64(argument[argument.index(after: equals)...]), offset >= 0, slash > argument.startIndex
        else { return nil }
        partition = TopicPartition(topic: String(argument[..<slash]), partition: number)
        self.offset = offset
    }
}
