import ArgumentParser
import Foundation

/// `msgbus demo`: a guided tour that brings its own brokers.
struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Show the three ways to read messages; needs no broker.",
        discussion: """
            Exit status 0 says that every message arrived as it should.

              msgbus demo
            """
    )

    func run() async throws {
        Self.endBy(.now() + 15)
        try await DemoTour().run()
    }

    /// Whatever happens, nobody waits for a tour any longer.
    private static func endBy(_ deadline: DispatchTime) {
        DispatchQueue.global().asyncAfter(deadline: deadline) { @Sendable in
            Console.tell("msgbus: the demo didn't end in time")
            _exit(ExitStatus.error.rawValue)
        }
    }
}
