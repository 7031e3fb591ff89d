import ArgumentParser
import Foundation
import MsgBus

/// `msgbus read`: a topic's messages on stdout.
struct ReadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "read",
        abstract: "Read a topic's messages.",
        discussion: """
            Prints each message's value and a line feed, as it comes, until it is interrupted. With --json it prints an \
            object with topic, partition, offset, timestamp (in milliseconds, or null), key, value and headers; keys and \
            values that aren't UTF-8 are {"base64": "…"}, missing ones null.

            With --group the messages are shared with the group's other readers, and are acknowledged once they have been \
            written to stdout: what wasn't comes again.

              msgbus read orders
              msgbus read orders --from earliest --json --idle-exit 5 | jq .key
              msgbus read orders --from 2026-01-31T08:00:00Z --count 10
              msgbus read orders --group billing
            """
    )

    @Argument(help: "The topic to read.")
    var topic: String

    @Option(name: [.short, .long], help: ArgumentHelp("Stop after so many messages.", valueName: "number"))
    var count: Int?

    @Option(
        help: ArgumentHelp(
            """
            Where to start: latest, earliest, last:N (of each partition), or a time as 2026-01-31T08:00:00Z or in \
            milliseconds since 1970. In a group this is for partitions that the group hasn't read yet. (default: latest)
            """,
            valueName: "position"
        )
    )
    var from: StartOption?

    @Option(name: [.short, .long], help: ArgumentHelp("Read as a member of this group.", valueName: "name"))
    var group: String?

    @Flag(help: "Print one JSON object a line.")
    var json = false

    @Option(help: ArgumentHelp("Stop, with status 0, when no message has come for so long.", valueName: "seconds"))
    var idleExit: Seconds?

    @OptionGroup(title: "Connection")
    var connection: ConnectionOptions

    func validate() throws {
        if let count, count < 1 { throw ValidationError("The count is \(count): it has to be at least 1.") }
    }

    func run() async throws {
        var config = try connection.config(topic: topic, direction: .reader)
        if let group { config.groupID = group }
        if let from { config.reader.startFrom = from.position }
        config.reader.ackMode = .manual
        let reader = try await KafkaReader.connect(config)
        var failures = Failures()
        await failures.gather { try await printUntilNobodyListens(reader) }
        // Closing would commit too, and say nothing if that fails.
        let hasCommitted = await failures.gather { try await commit(reader) }
        // Who didn't answer the commit won't answer the farewell.
        await reader.close(timeout: .seconds(hasCommitted ? 10 : 1))
        try failures.check()
    }

    private func commit(_ reader: KafkaReader) async throws {
        do throws(MsgBusError) {
            try await reader.commit()
        } catch {
            // In the middle of a rebalance it is left to the close, which is part of it.
            if error.code == .rebalance { return }
            throw CommandFailure(
                message: "what was read last isn't acknowledged, and will come again: \(error)",
                status: ExitStatus(error)
            )
        }
    }

    /// With `| head -1` the pipe's end is ours, and shows itself without a further message.
    private func printUntilNobodyListens(_ reader: KafkaReader) async throws {
        try await withThrowingTaskGroup { tasks in
            tasks.addTask { try await printMessages(of: reader) }
            tasks.addTask { try await Blocking.run { Console.waitForClosedOutput() } }
            defer { tasks.cancelAll() }
            do {
                try await tasks.next()
            } catch let error as POSIXError where error.code == .EPIPE {
                return
            }
        }
    }

    private func printMessages(of reader: KafkaReader) async throws {
        let format = json ? MessageFormat.json : .text
        var left = count ?? .max
        while left > 0 {
            // Whatever is there, at once: so single messages are prompt, and many share a write.
            let batch = try await reader.readBatch(
                upTo: min(left, 1000),
                within: idleExit?.duration ?? .seconds(3600)
            )
            if batch.isEmpty, idleExit != nil { return }
            var output: [UInt8] = []
            for message in batch { format.append(message, to: &output) }
            try await Blocking.run { [output] in try Console.write(output) }
            for message in batch { try acknowledge(message, reader) }
            left -= batch.count
        }
    }

    private func acknowledge(_ message: Message, _ reader: KafkaReader) throws {
        do throws(MsgBusError) {
            try reader.acknowledge(message)
        } catch {
            // Its partition has gone to another member of the group, where it comes again: nothing is to be done here.
            guard error.code == .rebalance else { throw error }
        }
    }
}
