/// The messages that failed, how often, and when they are to be tried again.
struct Redelivery {
    private struct Key: Hashable {
        let partition: TopicPartition
        let offset: Int64
    }

    private enum Stage {
        /// The application has it once more.
        case handedOut
        case waiting(Message, due: Moment)
        /// Nobody gets it from here, and nobody finishes it by reading on: it is being written to the topic for failed messages, or its
        /// partition or its reader is just going.
        case withheld
    }

    private struct Entry {
        var failures = 0
        var stage = Stage.handedOut
    }

    private var entries: [Key: Entry] = [:]

    /// Whether nothing has failed: all that is asked for most messages.
    var isEmpty: Bool { entries.isEmpty }

    /// Counts a failure.
    ///
    /// - Returns: How often this message has failed by now; nil when that is known already.
    mutating func count(_ message: Message) -> Int? {
        let key = Key(partition: message.topicPartition, offset: message.offset)
        guard !isPending(key) else { return nil }
        entries[key, default: Entry()].failures += 1
        return entries[key]!.failures
    }

    mutating func schedule(_ message: Message, at due: Moment) {
        entries[Key(partition: message.topicPartition, offset: message.offset)]?.stage = .waiting(message, due: due)
    }

    mutating func withhold(_ message: Message) {
        entries[Key(partition: message.topicPartition, offset: message.offset)]?.stage = .withheld
    }

    /// When the next one is due after a time.
    func nextDue(after now: Moment) -> Moment? {
        var next: Moment?
        for case .waiting(_, let due) in entries.values.map(\.stage) where due > now { next = min(next ?? due, due) }
        return next
    }

    /// The message that is due for the longest time, of those partitions that may flow.
    func firstDue(_ now: Moment, _ mayFlow: (TopicPartition) -> Bool) -> Message? {
        var first: (message: Message, due: Moment)?
        for (key, entry) in entries {
            guard case .waiting(let message, let due) = entry.stage, due <= now, mayFlow(key.partition) else {
                continue
            }
            if first.map({ (due, key.offset) < ($0.due, $0.message.offset) }) ?? true { first = (message, due) }
        }
        return first?.message
    }

    func countDue(_ now: Moment, _ mayFlow: (TopicPartition) -> Bool) -> Int {
        entries.count { key, entry in
            if case .waiting(_, let due) = entry.stage { due <= now && mayFlow(key.partition) } else { false }
        }
    }

    mutating func handOut(_ message: Message) {
        entries[Key(partition: message.topicPartition, offset: message.offset)]?.stage = .handedOut
    }

    /// Whether a message has failed and the application doesn't have it: then nothing that the application does makes it done.
    func isPending(_ partition: TopicPartition, _ offset: Int64) -> Bool {
        isPending(Key(partition: partition, offset: offset))
    }

    private func isPending(_ key: Key) -> Bool {
        switch entries[key]?.stage {
        case nil, .handedOut: false
        case .waiting, .withheld: true
        }
    }

    /// A message is done.
    ///
    /// - Returns: Whether it had failed before.
    mutating func forget(_ partition: TopicPartition, _ offset: Int64) -> Bool {
        entries.removeValue(forKey: Key(partition: partition, offset: offset)) != nil
    }

    /// Those that wait, of some partitions, don't come again from here. That they failed stays known, for somebody may have them in hand.
    mutating func withhold(_ isWithheld: (TopicPartition) -> Bool = { _ in true }) {
        for (key, entry) in entries where isWithheld(key.partition) {
            if case .waiting = entry.stage { entries[key]!.stage = .withheld }
        }
    }

    mutating func drop(_ isDropped: (TopicPartition) -> Bool) {
        if !isEmpty { entries = entries.filter { !isDropped($0.key.partition) } }
    }
}
