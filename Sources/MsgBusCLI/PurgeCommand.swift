import ArgumentParser
import MsgBus

/// `msgbus purge`: deletes a topic's messages, and nothing else.
struct PurgeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "purge",
        abstract: "Delete all messages of a topic; the topic and its settings stay.",
        discussion: """
            Asks first. Messages that come meanwhile stay. It ends when the messages are seen to be gone; interrupted, it may \
            have purged some partitions and not others. --json prints {"topic", "deleted", "partitions": [{"partition", \
            "deleted", "end"}]}.

              msgbus purge orders --yes
            """
    )

    @Argument(help: "The topic.")
    var topic: String

    @Option(name: [.short, .long], help: "Only this partition; may be repeated.")
    var partition: [Int] = []

    @Flag(help: "It may be one of the cluster's own topics.")
    var allowInternal = false

    @OptionGroup var consent: Consent
    @OptionGroup var options: AdminOptions

    func run() async throws {
        try await options.administrate { admin in
            try await consent.ask("Delete all messages of \(topic)?")
            let report = try await admin.purge(
                topic,
                partitions: partition.isEmpty ? nil : partition,
                allowingInternal: allowInternal,
                timeout: options.time
            )
            let partitions = report.partitions.map { partition in
                JSON.object([
                    "partition": JSON(partition.partition), "deleted": JSON(partition.deleted),
                    "end": JSON(partition.end),
                ])
            }
            let value: JSON = .object([
                "topic": .string(topic), "deleted": JSON(report.deleted), "partitions": .array(partitions),
            ])
            if options.json { try await options.show(value, []) }
            let messages = report.deleted == 1 ? "1 message" : "\(report.deleted) messages"
            if !options.json { Console.tell("\(topic): \(messages) deleted") }
        }
    }
}
