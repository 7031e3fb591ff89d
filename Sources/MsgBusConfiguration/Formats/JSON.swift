internal import MsgBus

/// Reads JSON, by the letter of RFC 8259, and remembers where everything stands.
struct JSON {
    private let name: String
    private var rest: Substring.UnicodeScalarView
    private var line = 1
    private var column = 1

    /// Reads one value, which is all that there may be.
    static func tree(of text: String, in name: String) throws(MsgBusError) -> Tree {
        var json = JSON(name: name, rest: Substring(text).unicodeScalars)
        json.skipSpace()
        guard json.next != nil else { return Tree(content: .null, place: json.place) }
        let tree = try json.value(depth: 0)
        json.skipSpace()
        guard json.next == nil else { throw .refused(json.place, "there is something after the end of the JSON") }
        return tree
    }

    private init(name: String, rest: Substring.UnicodeScalarView) {
        self.name = name
        self.rest = rest
    }

    private var place: Place { Place(name: name, line: line, column: column) }
    private var next: Unicode.Scalar? { rest.first }

    private mutating func advance() {
        if rest.removeFirst() == "\n" {
            line += 1
            column = 1
        } else {
            column += 1
        }
    }

    private mutating func skipSpace() {
        while let next, next == " " || next == "\t" || next == "\n" || next == "\r" { advance() }
    }

    private func isDigit(_ scalar: Unicode.Scalar) -> Bool {
        (Unicode.Scalar("0")...Unicode.Scalar("9")).contains(scalar)
    }

    /// Takes a character if it is the next one.
    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard next == character else { return false }
        advance()
        return true
    }

    private func wrong(_ expected: String) -> MsgBusError {
        guard next != nil else { return .refused(place, "this isn't JSON: it ends where \(expected) has to be") }
        return .refused(place, "this isn't JSON: \(expected) has to be here")
    }

    // MARK: Values

    private mutating func value(depth: Int) throws(MsgBusError) -> Tree {
        let place = place
        guard depth <= Tree.deepest else { throw .refused(place, "too many things are inside of each other") }
        return Tree(content: try content(depth), place: place)
    }

    private mutating func content(_ depth: Int) throws(MsgBusError) -> Tree.Content {
        switch next {
        case "{": return try table(depth)
        case "[": return try list(depth)
        case "\"": return .scalar(Scalar(text: try string(), kind: .text))
        case let next? where next == "-" || isDigit(next): return .scalar(Scalar(text: try number(), kind: .number))
        case "t", "f", "n": return try word()
        default: throw wrong("a value")
        }
    }

    private mutating func table(_ depth: Int) throws(MsgBusError) -> Tree.Content {
        advance()
        var rows: [Tree.Row] = []
        var keys: Set<String> = []
        skipSpace()
        if take("}") { return .table([]) }
        while true {
            let place = place
            guard next == "\"" else { throw wrong("a key in quotes") }
            let key = try string()
            guard keys.insert(key).inserted else { throw .refused(place, "the key \"\(key)\" is there twice") }
            skipSpace()
            guard take(":") else { throw wrong("a colon") }
            skipSpace()
            rows.append(Tree.Row(key: key, place: place, value: try value(depth: depth + 1)))
            skipSpace()
            if take("}") { return .table(rows) }
            guard take(",") else { throw wrong("a comma or }") }
            skipSpace()
        }
    }

    private mutating func list(_ depth: Int) throws(MsgBusError) -> Tree.Content {
        advance()
        var list: [Tree] = []
        skipSpace()
        if take("]") { return .list([]) }
        while true {
            list.append(try value(depth: depth + 1))
            skipSpace()
            if take("]") { return .list(list) }
            guard take(",") else { throw wrong("a comma or ]") }
            skipSpace()
        }
    }

    private mutating func word() throws(MsgBusError) -> Tree.Content {
        let place = place
        var word = ""
        while let next, next.properties.isAlphabetic, word.unicodeScalars.count < 6 {
            word.unicodeScalars.append(next)
            advance()
        }
        switch word {
        case "true", "false": return .scalar(Scalar(text: word, kind: .boolean))
        case "null": return .null
        default: throw .refused(place, "this isn't JSON: a value has to be here, and texts need quotes")
        }
    }

    private mutating func number() throws(MsgBusError) -> String {
        var text = ""
        func digits() throws(MsgBusError) {
            guard let next, isDigit(next) else { throw wrong("a digit") }
            while let next = self.next, isDigit(next) { append(next) }
        }
        func append(_ scalar: Unicode.Scalar) {
            text.unicodeScalars.append(scalar)
            advance()
        }
        if next == "-" { append("-") }
        if next == "0" { append("0") } else { try digits() }
        if next == "." {
            append(".")
            try digits()
        }
        if let exponent = next, exponent == "e" || exponent == "E" {
            append(exponent)
            if let sign = next, sign == "+" || sign == "-" { append(sign) }
            try digits()
        }
        return text
    }

    // MARK: Texts

    private mutating func string() throws(MsgBusError) -> String {
        advance()
        var text = ""
        while let next {
            switch next {
            case "\"":
                advance()
                return text
            case "\\":
                advance()
                text.unicodeScalars.append(try escape())
            case "\u{0}"..<" ":
                throw .refused(
                    place,
                    "this isn't JSON: a text ends on its line, and a control character in it is written as \\u…."
                )
            default:
                text.unicodeScalars.append(next)
                advance()
            }
        }
        throw wrong("the end of a text, \",")
    }

    private mutating func escape() throws(MsgBusError) -> Unicode.Scalar {
        let place = place
        guard let next else { throw wrong("the end of a text, \",") }
        advance()
        switch next {
        case "\"", "\\", "/": return next
        case "b": return "\u{8}"
        case "f": return "\u{c}"
        case "n": return "\n"
        case "r": return "\r"
        case "t": return "\t"
        case "u":
            let first = try hexadecimal()
            if let scalar = Unicode.Scalar(first) {
                guard first != 0 else { throw .refused(place, "there is a NUL in a text") }
                return scalar
            }
            // Half of a character beyond the first 65,536: the other half has to follow.
            if (0xd800..<0xdc00).contains(first), take("\\"), take("u") {
                let second = try hexadecimal()
                if (0xdc00..<0xe000).contains(second),
                    let scalar = Unicode.Scalar(0x10000 + (first - 0xd800) << 10 + (second - 0xdc00))
                {
                    return scalar
                }
            }
            throw .refused(place, "this isn't JSON: \\u names half a character")
        default:
            throw .refused(place, "this isn't JSON: there is no such escape; a \\ itself is written \\\\")
        }
    }

    private mutating func hexadecimal() throws(MsgBusError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let next, next.isASCII, let digit = Character(next).hexDigitValue else {
                throw wrong("a hexadecimal digit")
            }
            value = value << 4 + UInt32(digit)
            advance()
        }
        return value
    }
}
