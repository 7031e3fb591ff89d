import Foundation

/// A measured program, in a process of its own.
enum Child {
    /// Where SwiftPM has put them all.
    static let folder = Bundle.main.executableURL!.deletingLastPathComponent().path

    /// Runs a command to its end, and shows its errors unless that is to be done quietly.
    ///
    /// By `popen`, which Foundation's `Process` isn't better than: nothing is written to it, and the main thread waits anyway.
    ///
    /// - Returns: What it printed.
    /// - Throws: When it fails.
    static func run(_ words: [String], quietly: Bool = false) throws -> String {
        let command = "exec " + words.map(quoted).joined(separator: " ") + (quietly ? " 2>/dev/null" : "")
        guard let pipe = popen(command, "r") else { throw Failure("can't run \(words[0])") }
        var output: [UInt8] = []
        while true {
            let character = fgetc(pipe)
            guard character != EOF else { break }
            output.append(UInt8(character))
        }
        let status = pclose(pipe)
        guard status == 0 else { throw Failure("failed with status \(status): \(command)") }
        return String(decoding: output, as: UTF8.self)
    }

    private static func quoted(_ word: String) -> String { "'" + word.replacing("'", with: "'\\''") + "'" }

    /// A result: the last line, one object of numbers.
    static func result(of output: String) throws -> [String: Double] {
        guard let line = output.split(separator: "\n").last,
            let result = try? JSONDecoder().decode([String: Double].self, from: Data(line.utf8))
        else { throw Failure("that is no result: \(output)") }
        return result
    }
}

/// Why there is no result.
struct Failure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
