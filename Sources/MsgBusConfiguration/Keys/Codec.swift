internal import MsgBus

/// How a value of one type is written, and what it is called.
struct Codec<Value: Sendable>: Sendable {
    /// What a table of keys and an error call it.
    let type: String
    let parse: @Sendable (String) throws(Complaint) -> Value
    let format: @Sendable (Value) -> String
    /// Whether JSON may write it as a number, and as `true` or `false`.
    var isNumber = false
    var isBoolean = false
    /// Whether a value that was read is shown as it was written, and not as it was understood: for paths.
    var isShownAsWritten = false

    /// A value as it is shown.
    func canonical(_ tree: Tree) -> String? {
        if isShownAsWritten, case .scalar(let scalar) = tree.content { return scalar.text }
        return (try? decode(tree)).map(format)
    }

    /// Takes a value as it stands in a source.
    func decode(_ tree: Tree) throws(Complaint) -> Value {
        switch tree.content {
        case .null: throw Complaint("it has no value: give it one (\(type)), or leave the key out")
        case .list, .table: throw Complaint("it has to be \(type), and is \(tree.kind)")
        case .scalar(let scalar):
            switch scalar.kind {
            case .number where !isNumber, .boolean where !isBoolean:
                throw Complaint("it has to be \(type): JSON writes that in quotes")
            default: return try parse(scalar.text)
            }
        }
    }
}

extension Codec<String> {
    /// Any text but an empty one.
    static let text = Codec(
        type: "a text",
        parse: { text throws(Complaint) in
            guard !text.isEmpty else { throw Complaint("it is empty") }
            guard !text.utf8.contains(0) else { throw Complaint("there is a NUL in it") }
            return text
        },
        format: { $0 }
    )
}

extension Codec<Int> {
    static let number = Codec(
        type: "a whole number",
        parse: { text throws(Complaint) in try wholeNumber(text) },
        format: { String($0) },
        isNumber: true
    )

    /// A number, or a word for "as many as there are".
    static let count = Codec(
        type: "a whole number or `unlimited`",
        parse: { text throws(Complaint) in text == "unlimited" ? .max : try wholeNumber(text) },
        format: { $0 == .max ? "unlimited" : String($0) },
        isNumber: true
    )

    /// Bytes.
    static let size = Codec(
        type: "a size such as `64MiB`",
        parse: { text throws(Complaint) in
            let (digits, unit) = split(text)
            guard let factor = Self.units[unit] else {
                throw Complaint(
                    "a size is a whole number with nothing, B, kB, MB, GB, KiB, MiB or GiB behind it, as in 64MiB"
                )
            }
            let (bytes, overflow) = try wholeNumber(digits).multipliedReportingOverflow(by: factor)
            guard !overflow else { throw Complaint("it is too large") }
            return bytes
        },
        format: { bytes in
            for (unit, factor) in [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)]
            where bytes >= factor && bytes % factor == 0 {
                return "\(bytes / factor)\(unit)"
            }
            return String(bytes)
        },
        isNumber: true
    )

    private static let units = [
        "": 1, "B": 1, "kB": 1000, "MB": 1_000_000, "GB": 1_000_000_000, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30,
    ]
}

extension Codec<Bool> {
    static let flag = Codec(
        type: "`true` or `false`",
        parse: { text throws(Complaint) in
            switch text.lowercased() {
            case "true", "yes", "on": return true
            case "false", "no", "off": return false
            default: throw Complaint("it has to be true or false")
            }
        },
        format: { $0 ? "true" : "false" },
        isBoolean: true
    )
}

extension Codec<Duration> {
    static let duration = Codec(
        type: "a time such as `10s` or `500ms`",
        parse: { text throws(Complaint) in
            let (digits, unit) = split(text)
            let magnitude = digits.hasPrefix("-") ? digits.dropFirst() : digits[...]
            guard let number = Double(magnitude), number.isFinite,
                magnitude.utf8.allSatisfy({ "0123456789.".utf8.contains($0) })
            else {
                throw Complaint("a time is a number and a unit, as in 10s or 500ms")
            }
            guard !unit.isEmpty || number == 0 else {
                throw Complaint("it has no unit: write \(digits)s or \(digits)ms")
            }
            guard let nanoseconds = Self.units[unit] else {
                throw Complaint("it has no unit that is known: there are ns, us, ms, s, min, h and d")
            }
            guard number * nanoseconds <= 1e18 else { throw Complaint("it is longer than thirty years") }
            let time = Duration.nanoseconds(Int64((number * nanoseconds).rounded()))
            return digits.hasPrefix("-") ? .zero - time : time
        },
        format: { time in
            for (unit, length) in [("s", Duration.seconds(1)), ("ms", .milliseconds(1)), ("us", .microseconds(1))] {
                let count = (time / length).rounded()
                if abs(count) < 1e15, length * Int64(count) == time {
                    return "\(Int64(count))\(time == .zero ? "s" : unit)"
                }
            }
            return "\(Int64((time / .nanoseconds(1)).rounded()))ns"
        },
        // Zero is the same in any unit; other numbers are told that they lack one.
        isNumber: true
    )

    private static let units: [String: Double] = [
        "": 1, "ns": 1, "us": 1e3, "µs": 1e3, "ms": 1e6, "s": 1e9, "min": 6e10, "m": 6e10, "h": 3.6e12, "d": 8.64e13,
    ]
}

extension Codec where Value: Hashable {
    /// One of some words; the first of those that mean the same is the usual one.
    static func choice(_ words: KeyValuePairs<String, Value>) -> Codec {
        let words = words.map { (word: $0.key, value: $0.value) }
        var usual: [(word: String, value: Value)] = []
        for entry in words where !usual.contains(where: { $0.value == entry.value }) { usual.append(entry) }
        let type = usual.map { "`\($0.word)`" }.joined(separator: ", ")
        let plainType = usual.map(\.word).joined(separator: ", ")
        let values = usual
        return Codec(
            type: type,
            parse: { text throws(Complaint) in
                let word = text.lowercased().replacing("-", with: "_")
                guard let value = words.first(where: { $0.word == word || $0.word == text })?.value else {
                    let hint = Nearest.name(to: text, in: words.map(\.word)).map { "; did you mean \"\($0)\"?" } ?? ""
                    throw Complaint("there are \(plainType)\(hint)")
                }
                return value
            },
            format: { value in values.first { $0.value == value }?.word ?? "\(value)" },
            isNumber: true
        )
    }
}

/// A number and what stands behind it.
private func split(_ text: String) -> (digits: String, unit: String) {
    let digits = text.prefix { "+-.0123456789_".contains($0) }
    return (String(digits), String(text[digits.endIndex...].drop { $0 == " " }))
}

private func wholeNumber(_ text: some StringProtocol) throws(Complaint) -> Int {
    var digits = text.utf8[...]
    if digits.first == UInt8(ascii: "-") { digits = digits.dropFirst() }
    guard !digits.isEmpty, digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
        throw Complaint("it has to be a whole number")
    }
    guard let number = Int(text) else { throw Complaint("it is too large a number") }
    return number
}
