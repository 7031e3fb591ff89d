import Foundation
package import MsgBus
import Synchronization

/// A bad network in front of brokers, or doors that not everyone gets through: `kafka-proxy.py`, which says what each fault is, in a process of its own.
///
/// It ends with the last reference to it.
package final class FaultProxy: Sendable {
    /// Whether tests that need it can run, or have to be seen to fail.
    package static let isUsable = ProcessBroker.isRequired || hasPython

    package static let hint: String = "needs python3"

    private static let hasPython = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        .contains { FileManager.default.isExecutableFile(atPath: "\($0)/python3") }

    /// The proxy's addresses in place of the brokers', `host:port`.
    package let brokers: [String]

    private let process: ChildProcess
    private let lines: Mutex<LineReader>

    /// Starts it.
    ///
    /// - Parameters:
    ///   - brokers: The brokers' addresses, `host:port`.
    ///   - guards: What a client has to do to get in.
    package init(inFrontOf brokers: [String], guards: [Guard] = []) throws {
        let script = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "kafka-proxy.py").path
        process = try ChildProcess("/usr/bin/env", ["python3", "-B", script] + guards.flatMap(\.options) + brokers)
        var lines = LineReader(process.output)
        guard let ports = lines.next()?.split(separator: " "), ports.count == brokers.count else {
            throw Failure(text: String(decoding: process.errors.availableData, as: UTF8.self))
        }
        self.brokers = ports.map { "127.0.0.1:\($0)" }
        self.lines = Mutex(lines)
    }

    package convenience init(inFrontOf broker: EmbeddedBroker) throws {
        try self.init(inFrontOf: broker.bootstrapServers.split(separator: ",").map(String.init))
    }

    package convenience init(inFrontOf broker: ProcessBroker, guards: [Guard] = []) throws {
        try self.init(inFrontOf: [broker.address], guards: guards)
    }

    /// What a client has to do to get in.
    package enum Guard: Sendable {
        /// Speak TLS; the broker shows this certificate.
        case tls(Certificate)
        /// Show a certificate of this authority.
        case clientCertificate(of: Certificate)
        /// Speak TLS in this version, and no other, for example `TLSv1_2`.
        case tlsVersion(String)
        /// Log in; of several, in one of these ways. With OAUTHBEARER the password is a token.
        case login(_ mechanism: String, user: String, password: String)

        fileprivate var options: [String] {
            switch self {
            case .tls(let certificate): ["--tls", certificate.file, certificate.keyFile]
            case .clientCertificate(let authority): ["--client-ca", authority.file]
            case .tlsVersion(let version): ["--tls-version", version]
            case .login(let mechanism, let user, let password): ["--login", "\(mechanism):\(user):\(password)"]
            }
        }
    }

    deinit {
        process.send(SIGKILL)
        _ = process.wait()
    }

    /// The same configuration, through the proxy.
    package func config(_ config: MsgBusConfig) -> MsgBusConfig {
        var config = config
        config.brokers = brokers
        return config
    }

    /// Each request and each response takes so much longer.
    package func setLatency(milliseconds: Int) throws { try tell("latency \(milliseconds)") }

    /// Each connection carries so many bytes a second, each way; nil: any number.
    package func setRate(bytesPerSecond: Int?) throws { try tell("rate \(bytesPerSecond ?? 0)") }

    /// Nothing comes through, and connections stay. What was sent comes through afterwards.
    package func setBlackHole(_ isOn: Bool) throws { try tell("blackhole \(isOn ? 1 : 0)") }

    /// New connections are reset at once.
    package func setRefusing(_ isOn: Bool) throws { try tell("refuse \(isOn ? 1 : 0)") }

    /// Resets the connections that are open.
    package func resetConnections() throws { try tell("reset") }

    /// Breaks each connection that is open after so many bytes of responses, within a response.
    package func cutConnections(afterBytes count: Int) throws { try tell("cut \(count)") }

    /// From now on these may log in too.
    package func allow(_ mechanism: String, user: String, password: String) throws {
        try tell("login \(mechanism):\(user):\(password)")
    }

    /// These may not log in any more. Connections stay until ``resetConnections()``.
    package func forbid(_ mechanism: String, user: String) throws { try tell("logout \(mechanism):\(user)") }

    /// Shows another certificate to new connections.
    package func use(_ certificate: Certificate) throws { try tell("tls \(certificate.file) \(certificate.keyFile)") }

    /// Ends all faults.
    package func clear() throws { try tell("clear") }

    /// Returns once the proxy has done it.
    private func tell(_ command: String) throws {
        try lines.withLock { lines in
            try process.input.write(contentsOf: Data("\(command)\n".utf8))
            guard lines.next() == "ok" else {
                throw Failure(text: String(decoding: process.errors.availableData, as: UTF8.self))
            }
        }
    }

    private struct Failure: Error {
        let text: String
    }
}
