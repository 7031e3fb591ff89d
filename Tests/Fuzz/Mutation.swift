import TestSupport

/// Makes something else of a text that is right.
enum Mutation {
    /// What parsers trip over.
    private static let tokens = [
        "\t", "\n", "\r\n", "\0", "\u{FEFF}", ": ", "- ", "? ", "&a ", "*a", "!!int ", "!t ", "|", ">", "---\n",
        "...\n", "%YAML 1.1\n", "<<: ", "#",
        "{", "}", "[", "]", ",", "\"", "'", "\\", "\\u", "\\ud800", "null", "~", "true", "no", "-1", "0",
        "9223372036854775808", "1e999", "0x7f",
        ".inf", "10s", "5ms", "1GiB", "99999999999999999999h", "::", "[::1]:", "tcp://", "=", "😀", "\u{301}", "\u{85}",
        "\u{2028}", "@", "`",
    ]

    static func mutate(_ bytes: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...6, using: &random) {
            let position = Int.random(in: 0...bytes.count, using: &random)
            let end = min(bytes.count, position + Int.random(in: 0...20, using: &random))
            switch Int.random(in: 0..<8, using: &random) {
            case 0: bytes.insert(.random(in: 0...255, using: &random), at: position)
            case 1: bytes.removeSubrange(position..<end)
            case 2: bytes.insert(contentsOf: bytes[position..<end], at: position)
            case 3: bytes.insert(contentsOf: Array(bytes.shuffled(using: &random).prefix(5)), at: position)
            case 4: bytes.removeSubrange(position...)
            case 5 where position < bytes.count: bytes[position] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 6:
                // Deep, and long.
                let token = Array(tokens.randomElement(using: &random)!.utf8)
                let count = Int.random(in: 1...1 << Int.random(in: 0...12, using: &random), using: &random)
                bytes.insert(contentsOf: Array(repeatElement(token, count: count).joined()), at: position)
            default: bytes.insert(contentsOf: Array(tokens.randomElement(using: &random)!.utf8), at: position)
            }
        }
        return bytes
    }

    /// A short text with anything in it.
    static func text(_ random: inout SeededGenerator) -> String {
        let parts = (0..<Int.random(in: 0...4, using: &random)).map { _ in
            Bool.random(using: &random)
                ? tokens.randomElement(using: &random)!
                : String(
                    (0..<Int.random(in: 0...8, using: &random)).map { _ in
                        Character(Unicode.Scalar(UInt8.random(in: 32...126, using: &random)))
                    }
                )
        }
        return parts.joined()
    }
}
