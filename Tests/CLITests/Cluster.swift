import Foundation
import Testing

/// A `msgbus broker` for one test.
struct Cluster {
    let address: String

    /// Runs a test with it, and ends it as a user would.
    static func run(topic: String = "orders", _ test: (Self) async throws -> Void) async throws {
        let broker = try Tool("broker --topic \(topic)")
        do {
            try await test(Self(address: #require(await broker.nextLine())))
        } catch {
            broker.send(SIGINT)
            throw error
        }
        broker.send(SIGINT)
        #expect(await broker.end().status == 130)
    }

    func start(_ line: String, _ more: String...) throws -> Tool {
        try Tool(line, more + Self.impatience(line), brokers: address)
    }

    func run(_ line: String, _ more: String..., input: String) async throws -> Tool.End {
        try await Tool.run(line, more + Self.impatience(line), brokers: address, input: Array(input.utf8))
    }

    func run(_ line: String, _ more: String..., input: [UInt8] = []) async throws -> Tool.End {
        try await Tool.run(line, more + Self.impatience(line), brokers: address, input: input)
    }

    /// Writes lines, and expects that to work.
    func write(_ lines: String...) async throws {
        let end = try await run("write orders", input: lines.map { $0 + "\n" }.joined())
        #expect(end.status == 0, "\(end.errors)")
    }

    /// The embedded broker keeps readers waiting as long as they allow it to.
    private static func impatience(_ line: String) -> [String] {
        line.hasPrefix("read ") ? ["-X", "fetch.wait.max.ms=5"] : []
    }
}
