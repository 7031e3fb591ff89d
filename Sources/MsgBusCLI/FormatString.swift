import MsgBus

/// How a message is printed, in kcat's words: `%t` topic, `%p` partition, `%o` offset, `%k` key, `%s` value, `%K` and `%S` how many bytes
/// these have (-1: there is none), `%T` timestamp, `%h` headers, `%%` a percent sign; `\n`, `\t`, `\r`, `\\` and `\xNN` are bytes.
struct FormatString {
    private enum Piece {
        case bytes([UInt8])
        case field(Character)
    }

    private var pieces: [Piece] = []
    /// What stands for a key or value that isn't there.
    private let null: [UInt8]

    /// Understands a format.
    ///
    /// - Parameters:
    ///   - format: What a user wrote.
    ///   - null: What stands for a key or value that isn't there.
    /// - Throws: What is wrong with it, for the user.
    init(_ format: String, null: String = "") throws(CommandFailure) {
        self.null = Array(null.utf8)
        var rest = format[...]
        var bytes: [UInt8] = []
        while let character = rest.popFirst() {
            switch character {
            case "%":
                guard let field = rest.popFirst(), "tpoksKSTh%".contains(field) else {
                    throw CommandFailure(
                        message: "the format '\(format)' has a % that none of t p o k s K S T h % follows",
                        status: .usage
                    )
                }
                if field == "%" {
                    bytes.append(UInt8(ascii: "%"))
                } else {
                    pieces += [.bytes(bytes), .field(field)]
                    bytes = []
                }
            case "\\":
                bytes += try Self.escaped(&rest, format)
            default:
                bytes += character.utf8
            }
        }
        pieces.append(.bytes(bytes))
    }

    /// A text with escapes alone, as delimiters have them.
    static func unescaped(_ text: String) throws(CommandFailure) -> [UInt8] {
        var rest = text[...]
        var bytes: [UInt8] = []
        while let character = rest.popFirst() {
            if character == "\\" { bytes += try escaped(&rest, text) } else { bytes += character.utf8 }
        }
        return bytes
    }

    /// A key, a delimiter, and the value on a line.
    init(keyDelimiter: [UInt8], null: String = "") {
        self.null = Array(null.utf8)
        pieces = [.field("k"), .bytes(keyDelimiter), .field("s"), .bytes([UInt8(ascii: "\n")])]
    }

    private static func escaped(_ rest: inout Substring, _ format: String) throws(CommandFailure) -> [UInt8] {
        switch rest.popFirst() {
        case "n": return [0x0a]
        case "t": return [0x09]
        case "r": return [0x0d]
        case "\\": return [0x5c]
        case "x":
            let digits = rest.prefix(2)
            if digits.count == 2, digits.allSatisfy(\.isHexDigit), let byte = UInt8(digits, radix: 16) {
                rest = rest.dropFirst(2)
                return [byte]
            }
        default: break
        }
        throw CommandFailure(message: "'\(format)' has a \\ that none of n t r \\ xNN follows", status: .usage)
    }

    func append(_ message: Message, to output: inout [UInt8]) {
        for piece in pieces {
            switch piece {
            case .bytes(let bytes): output += bytes
            case .field(let name): append(name, of: message, to: &output)
            }
        }
    }

    private func append(_ field: Character, of message: Message, to output: inout [UInt8]) {
        switch field {
        case "t": output += message.topic.utf8
        case "p": output += "\(message.partition)".utf8
        case "o": output += "\(message.offset)".utf8
        case "k": output += message.key ?? null
        case "s": output += message.value ?? null
        case "K": output += "\(message.key?.count ?? -1)".utf8
        case "S": output += "\(message.value?.count ?? -1)".utf8
        case "T": output += "\(message.timestamp?.millisecondsSince1970 ?? -1)".utf8
        default:
            for (index, header) in message.headers.enumerated() {
                output += (index == 0 ? "" : ",").utf8
                output += "\(header.name)=".utf8
                output += header.value ?? null
            }
        }
    }
}
