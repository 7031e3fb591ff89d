import MsgBus
import Synchronization

/// The partitions of a reader that were read to their ends.
final class Ends: Sendable {
    private let reached = Mutex<Set<TopicPartition>>([])

    /// Gathers them, until the task is cancelled or the reader closed.
    func watch(_ reader: KafkaReader) -> Task<Void, Never> {
        let events = reader.events
        return Task { [self] in
            for await case .caughtUp(let partitions) in events { reached.withLock { $0.formUnion(partitions) } }
        }
    }

    /// Whether nothing is left of all these.
    func isAtEnd(of partitions: [TopicPartition]) -> Bool {
        reached.withLock { $0.isSuperset(of: partitions) }
    }
}
