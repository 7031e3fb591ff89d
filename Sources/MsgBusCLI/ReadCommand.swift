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
            values that aren't UTF-8 are {"base64": "…"}, missing ones null. msgbus write --json takes these lines.

            A format has %t topic, %p partition, %o offset, %k key, %s value, %K and %S their bytes (-1: none), %T timestamp, \
            %h headers, %% a percent sign; \\n, \\t, \\r, \\\\ and \\xNN. It ends no line by itself.

            With --group the messages are shared with the group's other readers, and are acknowledged once they have been \
            written to stdout: what wasn't comes again.

              msgbus read orders
              msgbus read orders --from earliest --json --idle-exit 5 | jq .key
              msgbus read orders --from 2026-01-31T08:00:00Z --count 10
              msgbus read orders --group billing
              msgbus read -t orders -p 0 -o -10 -e -f '%o %k: %s\\n'
            """
    )

    @Argument(help: ArgumentHelp("The topic to read, unless -t names it.", valueName: "topic"))
    var topicArgument: String?

    @Option(name: [.customShort("t"), .customLong("topic")], help: "The topic to read.")
    var topicOption: String?

    @Option(name: [.short, .long], help: "Only this partition; may be repeated. Not in a group.")
    var partition: [Int] = []

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

    @Option(
        name: [.customShort("o"), .customLong("offset")],
        parsing: .unconditional,
        help: ArgumentHelp(
            """
            Where to start, as kcat has it: beginning, end, an offset, -N for the last N of each partition, s@ and a time in \
            milliseconds.
            """,
            valueName: "offset"
        )
    )
    var offset: String?

    @Flag(
        name: [.customShort("e"), .customLong("exit")],
        help: "Stop at the end: when all that there is has been read."
    )
    var exitsAtEnd = false

    @Option(name: [.short, .long], help: ArgumentHelp("Read as a member of this group.", valueName: "name"))
    var group: String?

    @Flag(name: [.customShort("J"), .long], help: "Print one JSON object a line.")
    var json = false

    @Option(name: [.short, .long], help: "Print each message so.")
    var format: String?

    @Option(
        name: [.customShort("K"), .long],
        help: ArgumentHelp("Print the key and this before each value; \\t is a tab.", valueName: "delimiter")
    )
    var keyDelimiter: String?

    @Flag(name: [.customShort("Z"), .customLong("null")], help: "Print NULL for a key or value that isn't there.")
    var null = false

    @Option(help: ArgumentHelp("Stop, with status 0, when no message has come for so long.", valueName: "seconds"))
    var idleExit: Seconds?

    @OptionGroup(title: "Connection")
    var connection: ConnectionOptions

    func validate() throws {
        if let count, count < 1 { throw ValidationError("The count is \(count): it has to be at least 1.") }
        guard (topicArgument == nil) != (topicOption == nil) else {
            throw ValidationError("Name one topic: msgbus read TOPIC")
        }
        if from != nil, offset != nil { throw ValidationError("--from and -o both say where to start.") }
        if let partition = partition.first(where: { !(0...Int(Int32.max)).contains($0) }) {
            throw ValidationError("There is no partition \(partition).")
        }
        if !partition.isEmpty, group != nil {
            throw ValidationError("A group gives out the partitions by itself: not with -p.")
        }
        guard [json, format != nil, keyDelimiter != nil].count(where: { $0 }) <= 1 else {
            throw ValidationError("Only one of --json, --format and --key-delimiter says how to print.")
        }
        _ = try (start, messageFormat)
    }

    /// Nil: as the configuration says.
    private var start: StartPosition? {
        get throws {
            guard let offset else { return from?.position }
            guard let option = StartOption(offset: offset) else {
                throw ValidationError("The offset '\(offset)' is none of beginning, end, N, -N and s@TIME.")
            }
            return option.position
        }
    }

    private var messageFormat: MessageFormat {
        get throws {
            let null = null ? "NULL" : ""
            do throws(CommandFailure) {
                if json { return .json }
                if let format { return .template(try FormatString(format, null: null)) }
                if let keyDelimiter {
                    return .template(FormatString(keyDelimiter: try FormatString.unescaped(keyDelimiter), null: null))
                }
                return self.null ? .template(try FormatString("%s\\n", null: null)) : .text
            } catch {
                throw ValidationError(error.message)
            }
        }
    }

    func run() async throws {
        var config = try connection.config(topic: topicOption ?? topicArgument ?? "", direction: .reader)
        if let group { config.groupID = group }
        if let start = try start { config.reader.startFrom = start }
        if !partition.isEmpty {
            let start = config.reader.startFrom
            config.reader.partitions = Dictionary(partition.map { ($0, start) }) { $1 }
        }
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
        let format = try messageFormat
        var left = count ?? .max
        let ends = Ends()
        let watching = exitsAtEnd ? ends.watch(reader) : nil
        defer { watching?.cancel() }
        // Else nothing tells that there is nothing more.
        let longest = exitsAtEnd ? Duration.milliseconds(50) : .seconds(3600)
        var lastMessage = ContinuousClock.now
        while left > 0 {
            let wasAtEnd = exitsAtEnd && ends.isAtEnd(of: reader.assignment)
            // Whatever is there, at once: so single messages are prompt, and many share a write.
            let batch = try await reader.readBatch(
                upTo: min(left, 1000),
                within: min(idleExit?.duration ?? longest, longest)
            )
            if batch.isEmpty {
                if wasAtEnd { return }
                if let idleExit, lastMessage.duration(to: .now) >= idleExit.duration - .milliseconds(10) { return }
                continue
            }
            var output: [UInt8] = []
            for message in batch { format.append(message, to: &output) }
            try await Blocking.run { [output] in try Console.write(output) }
            for message in batch { try acknowledge(message, reader) }
            left -= batch.count
            lastMessage = .now
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
