import ArgumentParser
import Foundation
import TestSupport

/// Bad input of all kinds, and what is promised of it: see `scripts/fuzz`.
@main
struct Fuzz: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fuzz",
        abstract: "Give everything that reads input from outside what it doesn't expect, and see whether it says so."
    )

    @Option(help: "Repeats a run: everything that is decided is decided by it. Default: any.")
    var seed: UInt64 = .random(in: 0...UInt64(UInt32.max))

    @Option(help: "How long. Default: 10 seconds.")
    var seconds: Double?

    @Option(help: "How long, in minutes.")
    var minutes: Double?

    @Option(help: "Only this target.")
    var target: String?

    @Option(help: "Only the input with this number, which is shown; with --seed and --target it repeats a failure.")
    var input: Int?

    func run() async throws {
        let targets = FuzzTarget.all.filter { target == nil || $0.name == target }
        guard !targets.isEmpty else {
            throw ValidationError("there are the targets \(FuzzTarget.all.map(\.name).joined(separator: ", "))")
        }
        Watch.start()
        if let input {
            for target in targets { try await run(target, input, isShown: true) }
            return
        }
        let time = Duration.seconds(minutes.map { $0 * 60 } ?? seconds ?? 10)
        say("Seed \(seed): \(targets.map(\.name).joined(separator: ", ")), for \(time)")
        let end = ContinuousClock.now + time
        var count = 0
        var refused: [String: Int] = [:]
        while ContinuousClock.now < end {
            for target in targets where try await run(target, count, isShown: false) {
                refused[target.name, default: 0] += 1
            }
            count += 1
        }
        for target in targets {
            let share = 100 * refused[target.name, default: 0] / max(1, count)
            say("\(target.name): \(count) inputs, \(share) % of them refused with an error as it should be")
            // A run in which everything or nothing is refused shows nothing.
            guard count < 200 || (1...99).contains(share) else {
                say("FAILED: \(target.name) refuses \(share) % of its inputs: they don't test it")
                throw ExitCode(1)
            }
        }
    }

    /// Gives a target an input; ends the run with what is needed to repeat it if that isn't handled as promised.
    ///
    /// - Returns: Whether the input was refused.
    @discardableResult
    private func run(_ target: FuzzTarget, _ number: Int, isShown: Bool) async throws -> Bool {
        var random = SeededGenerator(seed: seed, for: "\(target.name) \(number)")
        Watch.begin("--seed \(seed) --target \(target.name) --input \(number)")
        defer { Watch.end() }
        switch await target.run(&random, { if isShown { say($0) } }) {
        case .accepted: return false
        case .refused: return true
        case .failed(let reason):
            say(
                "FAILED: \(reason)\nRepeat it with: scripts/fuzz --seed \(seed) --target \(target.name) --input \(number)"
            )
            throw ExitCode(1)
        }
    }
}

/// Prints a line at once: a crash would lose what waits in a buffer.
func say(_ text: String) { FileHandle.standardOutput.write(Data("\(text)\n".utf8)) }
