import ArgumentParser
import Foundation

/// Writers, readers and brokers under stress, and what is promised of them: see `scripts/torture`.
@main
struct Torture: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "torture",
        abstract: "Have readers come, go, stall and be killed and brokers fail, and see whether anything is lost."
    )

    @OptionGroup var options: Options

    static func main() async {
        signal(SIGPIPE, SIG_IGN)
        let arguments = CommandLine.arguments
        if arguments.count == 3, arguments[1] == "--child" {
            do {
                try await ChildMain.run(arguments[2])
            } catch {
                FileHandle.standardError.write(Data("\(error)\n".utf8))
                Foundation.exit(1)
            }
        } else {
            await main(nil)
        }
    }

    func run() async throws {
        let end = options.minutes.map { ContinuousClock.now + .seconds($0 * 60) }
        var seed = options.seed
        repeat {
            say(
                "Seed \(seed)\(options.minutes == nil ? "" : " of \(options.seed)…"): \(options.messages) messages, \(options.broker)"
            )
            guard try await Round(options: options, seed: seed).run() else { throw ExitCode(1) }
            seed += 1
        } while end.map { $0 > .now } ?? false
    }
}

/// Prints a line at once, also where standard output is a pipe.
func say(_ text: String) {
    FileHandle.standardOutput.write(Data("\(text)\n".utf8))
}
