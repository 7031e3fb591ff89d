import Foundation
import TestSupport

/// The built `msgbus`, run as a process of its own.
///
/// One that doesn't end by itself is killed after two minutes, which no healthy one needs: so no test hangs, and each sees it by
/// the status.
final class Tool: Sendable {
    /// What a process left behind.
    struct End: Sendable {
        /// The exit status, negative for the signal that ended it.
        let status: Int32
        let bytes: [UInt8]
        let errors: String

        var text: String { String(decoding: bytes, as: UTF8.self) }
        var lines: [String] { text.split(separator: "\n").map(String.init) }
    }

    private let process: ChildProcess
    private let lines: AsyncStream<String>
    private let errorLines: AsyncStream<String>
    private let output: Task<[UInt8], Never>
    private let errors: Task<[UInt8], Never>
    private let status: Task<Int32, Never>

    /// Starts it.
    ///
    /// - Parameters:
    ///   - line: What stands behind `msgbus` on the command line, with spaces between.
    ///   - more: Further arguments, which may have spaces.
    ///   - brokers: The value of `MSGBUS_BROKERS`.
    ///   - environment: Further variables.
    ///   - shell: A command line for the shell instead, where `"$0"` is the executable.
    /// - Throws: If it can't be started.
    init(
        _ line: String,
        _ more: [String] = [],
        brokers: String = "",
        environment: [String: String] = [:],
        shell: String? = nil
    ) throws {
        // Who reads our pipe may be gone, which is no reason for the tests to end.
        signal(SIGPIPE, SIG_IGN)
        let arguments = line.split(separator: " ").map(String.init) + more
        let process = try ChildProcess(
            shell == nil ? ChildProcess.msgbus.path : "/bin/sh",
            shell.map { ["-c", $0, ChildProcess.msgbus.path] } ?? arguments,
            environment: ["MSGBUS_BROKERS": brokers].merging(Self.sanitizerOptions) { $1 }.merging(environment) { $1 }
        )
        self.process = process
        status = Task { try! await onThread { process.wait() } }
        let (lines, line) = AsyncStream.makeStream(of: String.self)
        let (errorLines, errorLine) = AsyncStream.makeStream(of: String.self)
        self.lines = lines
        self.errorLines = errorLines
        output = Self.gather(process.output, line)
        errors = Self.gather(process.errors, errorLine)

        let watchdog = Task {
            try await Task.sleep(for: hang)
            process.send(SIGKILL)
        }
        Task { [status] in
            _ = await status.value
            watchdog.cancel()
        }
    }

    /// Runs it to its end, with that on stdin.
    static func run(
        _ line: String,
        _ more: [String] = [],
        brokers: String = "",
        environment: [String: String] = [:],
        input: [UInt8] = []
    ) async throws -> End {
        let tool = try Tool(line, more, brokers: brokers, environment: environment)
        tool.type(input)
        return await tool.end()
    }

    /// Gives it something to read.
    func type(_ text: String) { type(Array(text.utf8)) }

    private func type(_ bytes: [UInt8]) { try? process.input.write(contentsOf: Data(bytes)) }

    /// Waits for its next line on stdout; nil when there is none any more.
    func nextLine() async -> String? { await lines.first { _ in true } }

    /// Waits for its next line on stderr; nil when there is none any more.
    func nextErrorLine() async -> String? { await errorLines.first { _ in true } }

    func send(_ signal: Int32) { process.send(signal) }

    /// Closes its stdin, and waits until it has ended.
    func end() async -> End {
        try? process.input.close()
        return End(
            status: await status.value,
            bytes: await output.value,
            errors: String(decoding: await errors.value, as: UTF8.self)
        )
    }

    /// Reads all of a stream on a thread of its own, and tells each line as it comes.
    private static func gather(
        _ handle: FileHandle,
        _ line: AsyncStream<String>.Continuation
    ) -> Task<[UInt8], Never> {
        let (results, result) = AsyncStream.makeStream(of: [UInt8].self)
        Thread.detachNewThread {
            var bytes: [UInt8] = []
            var unfinished: [UInt8] = []
            while true {
                let data = handle.availableData
                if data.isEmpty { break }
                bytes += data
                unfinished += data
                while let end = unfinished.firstIndex(of: UInt8(ascii: "\n")) {
                    line.yield(String(decoding: unfinished[..<end], as: UTF8.self))
                    unfinished.removeSubrange(...end)
                }
            }
            line.finish()
            result.yield(bytes)
            result.finish()
        }
        return Task { await results.first { _ in true } ?? [] }
    }

    /// A tool that exits leaves what its other threads were just at, which is no leak of the library.
    private static let sanitizerOptions: [String: String] = {
        let name = "ASAN_OPTIONS"
        guard let options = ProcessInfo.processInfo.environment[name] else { return [:] }
        return [name: options + ":detect_leaks=0"]
    }()
}
