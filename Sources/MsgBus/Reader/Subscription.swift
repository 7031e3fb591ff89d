/// What a reader reads: topics by name, and patterns that begin with `^`.
struct Subscription: Sendable {
    private(set) var entries: [String]

    static func isPattern(_ entry: String) -> Bool { entry.hasPrefix("^") }

    init(_ entries: [String]) throws(MsgBusError) {
        self.entries = []
        try add(entries)
    }

    var topics: [String] { entries.filter { !Self.isPattern($0) } }
    var patterns: [String] { entries.filter(Self.isPattern) }

    mutating func add(_ new: [String]) throws(MsgBusError) {
        for entry in new {
            try Self.validate(entry)
            if !entries.contains(entry) { entries.append(entry) }
        }
    }

    mutating func remove(_ old: [String]) throws(MsgBusError) {
        for entry in old where !entries.contains(entry) {
            throw MsgBusError(.state, "the reader isn't subscribed to \"\(entry)\": it is to \(entries)", topic: entry)
        }
        let left = entries.filter { !old.contains($0) }
        guard !left.isEmpty else {
            throw MsgBusError(.state, "\(old) is all that the reader is subscribed to: close it instead")
        }
        entries = left
    }

    /// Whether it reads a topic. Patterns don't mean Kafka's internal topics.
    func contains(_ topic: String) -> Bool {
        if entries.contains(topic) { return true }
        guard !topic.hasPrefix("__") else { return false }
        return patterns.contains { pattern in
            guard let regex = try? Regex(pattern) else { return false }
            return topic.firstMatch(of: regex) != nil
        }
    }

    static func validate(_ entry: String) throws(MsgBusError) {
        guard isPattern(entry) else { return try MsgBusConfig.validate(topic: entry) }
        do {
            _ = try Regex(entry)
        } catch {
            throw MsgBusError(.configuration, "\"\(entry)\" begins with ^ and is no regular expression: \(error)")
        }
    }
}
