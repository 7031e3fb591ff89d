import Foundation
import Logging
import MsgBus
import Synchronization
import TestSupport

/// What a child has to know.
struct ChildOrders: Codable {
    let brokers: [String]
    let topic: String
    let group: String
    let instance: String?
    let properties: [String: String]
    let style: ReadingStyle
    let name: String
    let seed: UInt64
}

/// A reader in a process of its own, as the parent has it. Its standard output is a report a line, after the time.
final class ChildReader: Sendable {
    private let member: Member
    private let orders: ChildOrders
    private let reader: Int
    private let ledger: Ledger
    private let process = Mutex<ChildProcess?>(nil)
    private let ready = OneTime()
    private let ended = OneTime()
    private let isExpectedToEnd = Shared(false)

    init(_ member: Member, _ config: MsgBusConfig, seed: UInt64, reader: Int, ledger: Ledger) {
        (self.member, self.reader, self.ledger) = (member, reader, ledger)
        orders = ChildOrders(
            brokers: config.brokers,
            topic: config.topic,
            group: config.groupID ?? "",
            instance: config.reader.groupInstanceID,
            properties: config.properties,
            style: member.style,
            name: member.name,
            seed: seed
        )
    }

    /// Returns when it has joined the group, or has ended.
    func start() async {
        do {
            let text = String(decoding: try JSONEncoder().encode(orders), as: UTF8.self)
            let process = try ChildProcess(Self.executable, ["--child", text])
            self.process.withLock { $0 = process }
            Thread.detachNewThread { [self] in listen(process) }
            Thread.detachNewThread { [self] in complain(process) }
        } catch {
            ledger.take([.failed("can't be started: \(error)")], from: reader, at: now())
            ready.happen()
            ended.happen()
        }
        await ready.wait()
    }

    private static let executable = Bundle.main.executablePath ?? CommandLine.arguments[0]

    private func listen(_ process: ChildProcess) {
        var lines = LineReader(process.output)
        while let line = lines.next() {
            if line == "ready" {
                ready.happen()
                continue
            }
            let parts = line.split(separator: " ", maxSplits: 1)
            guard parts.count == 2, let time = UInt64(parts[0]), let report = Report(line: parts[1]) else {
                ledger.take([.failed("said \"\(line)\"")], from: reader, at: now(), isChild: true)
                continue
            }
            ledger.take([report], from: reader, at: time, isChild: true)
        }
        let status = process.wait()
        if !isExpectedToEnd.value {
            ledger.take([.failed("ended by itself with status \(status)")], from: reader, at: now(), isChild: true)
        }
        ready.happen()
        ended.happen()
    }

    private func complain(_ process: ChildProcess) {
        var lines = LineReader(process.errors)
        while let line = lines.next() { ledger.tell("\(member): \(line)") }
    }

    func tell(_ command: String) {
        try? process.withLock { $0 }?.input.write(contentsOf: Data("\(command)\n".utf8))
    }

    func close() async {
        isExpectedToEnd.set(true)
        tell("close")
        await ended.wait()
    }

    /// Kills it, and takes what it had reported until then.
    func kill() async {
        isExpectedToEnd.set(true)
        let time = now()
        process.withLock { $0 }?.send(SIGKILL)
        await ended.wait()
        ledger.crashed(reader, at: time)
    }
}

/// Something that happens once, and that tasks wait for.
final class OneTime: Sendable {
    private let state = Mutex<(hasHappened: Bool, waiters: [CheckedContinuation<Void, Never>])>((false, []))

    func happen() {
        let waiters = state.withLock { state in
            state.hasHappened = true
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    func wait() async {
        await withCheckedContinuation { continuation in
            let hasHappened = state.withLock { state in
                if !state.hasHappened { state.waiters.append(continuation) }
                return state.hasHappened
            }
            if hasHappened { continuation.resume() }
        }
    }
}

/// The child's own side: `--child` and its orders.
enum ChildMain {
    static func run(_ text: String) async throws {
        let orders = try JSONDecoder().decode(ChildOrders.self, from: Data(text.utf8))
        signal(SIGPIPE, SIG_IGN)
        let output = Shared(FileHandle.standardOutput)
        let say: @Sendable (String) -> Void = { text in
            output.withLock { output in
                // Without a parent there is nothing to do here.
                do { try output.write(contentsOf: Data(text.utf8)) } catch { exit(1) }
            }
        }
        let report: @Sendable ([Report]) -> Void = { reports in
            let time = now()
            say(reports.map { "\(time) \($0.line)\n" }.joined())
        }
        setLogger(RefusalLog { report([.refused($0)]) }.logger)
        var config = MsgBusConfig(topic: orders.topic, direction: .reader)
        config.brokers = orders.brokers
        config.groupID = orders.group
        config.reader.groupInstanceID = orders.instance
        config.properties = orders.properties
        config.connectTimeout = hang
        let reader = GroupReader(orders.style, name: orders.name, seed: orders.seed, report: report)
        let commands = AsyncStream<String> { continuation in
            Thread.detachNewThread {
                var lines = LineReader(.standardInput)
                while let line = lines.next() { continuation.yield(line) }
                // The parent has gone.
                exit(1)
            }
        }
        try await reader.start(config)
        say("ready\n")
        for await command in commands {
            let words = command.split(separator: " ")
            if words.first == "stall", words.count == 2, let time = Int(words[1]) {
                reader.stall(for: .milliseconds(time))
            } else if command == "close" {
                break
            }
        }
        await reader.close()
        exit(0)
    }
}

/// Looks for readers that couldn't commit.
struct RefusalLog: LogHandler {
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.warning
    let refused: @Sendable (String) -> Void

    init(_ refused: @escaping @Sendable (String) -> Void) { self.refused = refused }

    var logger: Logger {
        let handler = self
        return Logger(label: "torture") { _ in handler }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let text = "\(event.message)"
        let isRefusal =
            text.contains("commit before giving partitions up failed") || text.contains("last commit failed")
            || text.contains("couldn't leave the group") || text.contains("close goes on in the background")
        if isRefusal { refused(text) }
    }
}
