import Foundation
package import MsgBus
import Synchronization

/// A Kafka broker in a process of its own: noida-db, which `scripts/test` installs.
///
/// On a free port and with a data folder of its own. One serves all tests of a run that don't harm it; those that do make theirs.
///
/// What it can't do, and what tests on it can't show:
///
/// - it never evicts a member of a group that is gone: the group waits for it forever;
/// - it now and then waits for members that wait for it: a `JoinGroup` is never answered if another member joins in the very moment in
///   which the generation is complete that it waits for. Two members on plain sockets meet it, six that join at about the same time
///   nearly always, as ours do after the broker was killed. ``config(topic:direction:)`` has clients ask again soon;
/// - a static member that led its group and comes back under its name leads on in the same generation: what it then assigns is taken,
///   for itself alone, so that two members can have a partition;
/// - it deletes messages whose timestamps are older than the topic's retention, 7 days, within seconds: tests give them times of today;
/// - it takes a transaction's offsets from a member of an older generation;
/// - killed, it forgets the last half second or more of what it acknowledged: see ``stored(in:)``.
package final class ProcessBroker: Sendable {
    /// Where `scripts/setup` puts the broker.
    private static let executable = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: ".tools/noida-db")

    package static let isInstalled = FileManager.default.isExecutableFile(atPath: executable.path)

    /// Whether a run without the broker is a failure instead of a skip.
    package static let isRequired = ProcessInfo.processInfo.environment["MSGBUS_REQUIRE_BROKER"] == "1"

    /// Whether tests that need it can run, or have to be seen to fail.
    package static let isUsable = isInstalled || isRequired

    package static let hint: String = "needs a broker in its own process: run scripts/test, which installs one"

    /// The broker that all tests share. It ends with the run.
    package static let shared = Result { try ProcessBroker() }

    /// `host:port`.
    package let address: String

    private let folder: URL
    /// Nil after ``kill()``.
    private let process: Mutex<ChildProcess?>

    /// Starts one, which ends with the last reference to it, or with the run.
    package init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "msgbus-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let (process, address) = try Self.start(in: folder, port: "0")
        self.process = Mutex(process)
        self.address = address
    }

    deinit {
        kill()
        try? FileManager.default.removeItem(at: folder)
    }

    /// A configuration for it.
    package func config(topic: String, direction: BusDirection) -> MsgBusConfig {
        var config = MsgBusConfig(topic: topic, direction: direction)
        config.brokers = [address]
        if direction == .reader {
            // librdkafka waits 3 seconds longer than the second one for the answer to a JoinGroup, by default 5 minutes.
            config.properties["session.timeout.ms"] = "10000"
            config.properties["max.poll.interval.ms"] = "10000"
        }
        return config
    }

    /// Ends the process without a warning: what it hasn't stored is gone (see ``stored(in:)``). Idempotent.
    package func kill() {
        process.withLock { process in
            process?.send(SIGKILL)
            _ = process?.wait()
            process = nil
        }
    }

    /// Stops it as it is: connections stay, and nobody answers until ``resume()``.
    package func suspend() { process.withLock { $0?.suspend() } }

    package func resume() { process.withLock { $0?.send(SIGCONT) } }

    /// Starts it again after ``kill()``, on the same port and with what it had stored.
    package func restart() throws {
        let port = String(address.split(separator: ":").last!)
        try process.withLock { process in
            // For a moment another program may hold the port: connections get theirs from the same numbers.
            for attempt in 1... {
                do {
                    process = try Self.start(in: folder, port: port).process
                    return
                } catch  where attempt < 100 {
                    Thread.sleep(forTimeInterval: 0.05)
                }
            }
        }
    }

    /// How many messages of a topic it has on disk, where it writes them about half a second after it acknowledged them.
    package func stored(in topic: String) -> Int {
        struct Contents: Decodable {
            let topics: [Named<Topic>]
        }
        struct Topic: Decodable {
            let partitions: [Named<Partition>]
        }
        struct Partition: Decodable {
            let high_watermark: Int
        }
        /// A pair of a name or number, and what has it.
        struct Named<Value: Decodable>: Decodable {
            let name: String?
            let value: Value

            init(from decoder: any Decoder) throws {
                var pair = try decoder.unkeyedContainer()
                name = try? pair.decode(String.self)
                if name == nil { _ = try pair.decode(Int.self) }
                value = try pair.decode(Value.self)
            }
        }
        guard let data = try? Data(contentsOf: folder.appending(path: "kafka.json")),
            let contents = try? JSONDecoder().decode(Contents.self, from: data),
            let topic = contents.topics.first(where: { $0.name == topic })
        else { return 0 }
        return topic.value.partitions.reduce(0) { $0 + $1.value.high_watermark }
    }

    /// Returns once it listens.
    private static func start(in folder: URL, port: String) throws -> (process: ChildProcess, address: String) {
        let process = try ChildProcess(
            executable.path,
            ["start", "--data-dir", folder.path, "--only", "kafka", "--kafka-port", port]
        )
        endings.withLock { $0.append((process, folder)) }
        _ = registerEnding
        Thread.detachNewThread { while !process.errors.availableData.isEmpty {} }
        // It says "  kafka          127.0.0.1:37781".
        var lines = LineReader(process.output)
        var text = ""
        while let line = lines.next() {
            text += line + "\n"
            if line.contains("kafka "), let address = line.split(separator: " ").last {
                return (process, String(address))
            }
        }
        _ = process.wait()
        throw StartFailure(text: text)
    }

    private struct StartFailure: Error {
        let text: String
    }
}

private let endings = Mutex<[(process: ChildProcess, folder: URL)]>([])

/// Whatever way the test process returns, its brokers go with it.
private let registerEnding: Void = {
    atexit {
        for (process, folder) in endings.withLock({ $0 }) {
            process.send(SIGKILL)
            try? FileManager.default.removeItem(at: folder)
        }
    }
}()
