import ArgumentParser
import MsgBus

/// `msgbus write`: messages from the command line or from stdin.
struct WriteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "write",
        abstract: "Write messages to a topic.",
        discussion: """
            Each argument is a message; without any, each line of stdin is one, an empty line too. Memory stays bounded \
            however much comes. A message that can't be delivered doesn't keep the others back: all are counted, and \
            the exit status tells.

            With --json each line is a message as msgbus read --json prints it: an object with value and, if you like, key, \
            headers, partition and timestamp; topic and offset are of no account. A line that isn't one ends it.

              msgbus write orders "first order" "second order"
              msgbus write orders --key customer-7 --header trace=00-4bf9 "third order"
              tail -f orders.tsv | msgbus write orders --key-delimiter '\\t'
              msgbus read orders --from earliest -e --json | msgbus write orders-copy --json
            """
    )

    @Argument(
        help: ArgumentHelp(
            "The topic to write to, unless -t names it, and the messages. Put -- before those that begin with a dash.",
            valueName: "topic> [<message"
        )
    )
    var arguments: [String] = []

    @Option(
        name: [.customShort("t"), .customLong("topic")],
        help: "The topic to write to; then all arguments are messages."
    )
    var topicOption: String?

    @Option(
        name: [.short, .long],
        help: "The key of every message: those with equal keys share a partition, in order."
    )
    var key: String?

    @Option(
        name: [.customShort("K"), .long],
        help: ArgumentHelp(
            "What stands before it in a message is its key; \\t is a tab. Without it a message has the key of --key.",
            valueName: "delimiter"
        )
    )
    var keyDelimiter: String?

    @Option(
        name: [.customShort("H"), .long],
        help: ArgumentHelp(
            "A header of every message; may be repeated. A name alone has no value.",
            valueName: "name=value"
        )
    )
    var header: [NameAndValue] = []

    @Option(name: [.short, .long], help: "The partition of every message. (default: as the key says, or any)")
    var partition: Int?

    @Flag(name: [.customShort("J"), .long], help: "Each message is a JSON object.")
    var json = false

    @Flag(
        name: [.customShort("Z"), .customLong("null")],
        help: "An empty value, or key before a delimiter, is none at all."
    )
    var null = false

    @Flag(name: [.short, .long], help: "Tell only of errors.")
    var quiet = false

    @OptionGroup(title: "Connection")
    var connection: ConnectionOptions

    private var topic: String { topicOption ?? arguments.first ?? "" }
    private var messages: [String] { Array(arguments.dropFirst(topicOption == nil ? 1 : 0)) }

    func validate() throws {
        if topicOption == nil, arguments.isEmpty {
            throw ValidationError("No topic is named: write msgbus write TOPIC")
        }
        if json, keyDelimiter != nil || null {
            throw ValidationError(
                "A line of JSON says by itself what is its key, and what is null: not with -K and -Z."
            )
        }
        if let keyDelimiter { _ = try delimiter(keyDelimiter) }
        if keyDelimiter?.isEmpty == true { throw ValidationError("The key delimiter is empty.") }
        if let partition, !(0...Int(Int32.max)).contains(partition) {
            throw ValidationError("There is no partition \(partition).")
        }
    }

    private func delimiter(_ text: String) throws -> [UInt8] {
        do throws(CommandFailure) {
            return try FormatString.unescaped(text)
        } catch {
            throw ValidationError(error.message)
        }
    }

    func run() async throws {
        let account = WriteAccount(topic: topic)
        var config = try connection.config(topic: topic, direction: .writer)
        // Nobody waits for a single message, so they may gather; it makes long inputs a good deal faster.
        if config.origins["writer.linger"] == nil { config.writer.linger = .milliseconds(5) }
        config.writer.onUndelivered = { account.note($0.error) }
        let writer = try await KafkaWriter.connect(config)

        let progress = Task { if !quiet, Console.isWatched { await account.showProgress() } }
        var failures = Failures()
        await failures.gather {
            try await write(to: writer, account)
            // Each message has a deadline, so this ends. Closing has one of its own, too short for a slow link.
            try await writer.flush(timeout: .seconds(1_000_000))
        }
        let report = await writer.close()
        progress.cancel()
        await progress.value

        if !quiet { Console.tell(account.summary(report)) }
        await failures.gather { try account.check(report) }
        try failures.check()
    }

    private func write(to writer: KafkaWriter, _ account: WriteAccount) async throws {
        let template = MessageTemplate(
            key: key.map { Array($0.utf8) },
            keyDelimiter: try keyDelimiter.map { try delimiter($0) },
            headers: header.reduce(into: Headers()) { $0.append($1.name, $1.value.map { Array($0.utf8) }) },
            partition: partition,
            hasNulls: null,
            isJSON: json
        )
        var number = 0
        func send(_ line: [UInt8]) async throws {
            number += 1
            try await self.send(template.message(line, number: number), writer, account)
        }
        guard messages.isEmpty else {
            for text in messages { try await send(Array(text.utf8)) }
            return
        }
        if !quiet, Console.isTyped, Console.isWatched { Console.tell("Each line is a message; Ctrl-D ends.") }
        var lines = LineSplitter()
        while true {
            let bytes = try await Blocking.run { try Console.read() }
            if bytes.isEmpty { break }
            for line in try lines.split(bytes) { try await send(line) }
        }
        if let last = lines.end() { try await send(last) }
    }

    /// Hands a message over; waits while the writer's buffer is full.
    ///
    /// - Throws: Only what concerns all messages; everything else is the account's.
    private func send(_ message: OutgoingMessage, _ writer: KafkaWriter, _ account: WriteAccount) async throws {
        account.countMessage()
        do throws(MsgBusError) {
            do throws(MsgBusError) {
                try writer.enqueue(message)
            } catch let error where error.code == .queueFull {
                // This write waits for its turn, and then for its delivery: so the buffer is nearly empty afterwards.
                try await writer.write(message)
            }
        } catch {
            account.note(error)
            if error.isFatal || error.code == .closed || error.code == .cancelled { throw error }
        }
    }
}
