import Foundation
import Synchronization

/// A Kafka broker in a process of its own: noida-db, which `scripts/test` installs.
///
/// One is started for all tests of a run, on a free port and with a data folder of its own, and ends with the run.
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

    /// The broker that all tests share.
    package static let shared = Result { try ProcessBroker() }

    /// `host:port`.
    package let address: String

    private let process: ChildProcess

    package init() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "msgbus-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let process = try ChildProcess(
            Self.executable.path,
            ["start", "--data-dir", folder.path, "--only", "kafka", "--kafka-port", "0"]
        )
        endings.withLock { $0.append((process, folder)) }
        _ = registerEnding
        Thread.detachNewThread { while !process.errors.availableData.isEmpty {} }
        // It says "  kafka          127.0.0.1:37781" once it listens.
        var text = ""
        var found: String?
        while found == nil {
            let data = process.output.availableData
            guard !data.isEmpty else { throw StartFailure(text: text) }
            text += String(decoding: data, as: UTF8.self)
            found = text.split(separator: "\n").dropLast(text.hasSuffix("\n") ? 0 : 1)
                .first { $0.contains("kafka ") }
                .flatMap { $0.split(separator: " ").last.map(String.init) }
        }
        address = found!
        self.process = process
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
