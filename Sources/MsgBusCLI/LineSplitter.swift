/// Cuts a stream of bytes into lines, of which no more than the unfinished one is kept.
struct LineSplitter {
    /// No message can be as long, and memory is finite.
    static let longestLine = 64 * 1024 * 1024

    private var unfinished: [UInt8] = []

    /// Takes the next bytes.
    ///
    /// - Returns: The lines that they finish, without the line feeds.
    mutating func split(_ bytes: [UInt8]) throws(CommandFailure) -> [[UInt8]] {
        var lines: [[UInt8]] = []
        var rest = bytes[...]
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            lines.append(unfinished + rest[..<end])
            unfinished = []
            rest = rest[(end + 1)...]
        }
        unfinished += rest
        guard unfinished.count <= Self.longestLine else {
            throw CommandFailure(message: "a line is longer than \(Self.longestLine) bytes")
        }
        return lines
    }

    /// What is left at the end of the stream: a last line that nothing finished, or nil.
    mutating func end() -> [UInt8]? {
        defer { unfinished = [] }
        return unfinished.isEmpty ? nil : unfinished
    }
}
