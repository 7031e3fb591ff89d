/// The messages that failed, how often, and when they are to be tried again.
struct Redelivery {
    fileprivate struct Key: Hashable {
        let partition: TopicPartition
        let offset: Int64
    }

    private var failures: [Key: Int] = [:]
    private var waiting: [(due: ContinuousClock.Instant, message: Message)] = []

    /// Whether nothing has failed: all that is asked for most messages.
    var isEmpty: Bool { failures.isEmpty }

    var next: ContinuousClock.Instant? { waiting.map(\.due).min() }

    /// How many wait to be tried again.
    var count: Int { waiting.count }

    /// Counts a failure.
    ///
    /// - Returns: How often this message has failed by now.
    mutating func count(_ message: Message) -> Int {
        failures[Key(message), default: 0] += 1
        return failures[Key(message)]!
    }

    mutating func schedule(_ message: Message, at due: ContinuousClock.Instant) {
        waiting.append((due, message))
    }

    mutating func popDue(_ now: ContinuousClock.Instant) -> Message? {
        guard let index = waiting.indices.min(by: { waiting[$0].due < waiting[$1].due }), waiting[index].due <= now
        else { return nil }
        return waiting.remove(at: index).message
    }

    /// A message is done.
    ///
    /// - Returns: Whether it had failed before.
    mutating func forget(_ partition: TopicPartition, _ offset: Int64) -> Bool {
        guard failures.removeValue(forKey: Key(partition: partition, offset: offset)) != nil else { return false }
        waiting.removeAll { $0.message.offset == offset && $0.message.topicPartition == partition }
        return true
    }

    mutating func drop(_ isDropped: (TopicPartition) -> Bool) {
        guard !isEmpty else { return }
        failures = failures.filter { !isDropped($0.key.partition) }
        waiting.removeAll { isDropped($0.message.topicPartition) }
    }
}

extension Redelivery.Key {
    fileprivate init(_ message: Message) {
        self.init(partition: message.topicPartition, offset: message.offset)
    }
}
