/// Something that happened to a connection without anyone having asked: ``KafkaReader/events``, ``KafkaWriter/events``.
public enum BusEvent: Sendable {
    /// The connection's status changed.
    case status(BusStatus)
    /// The reader has these partitions from now on.
    case assigned([TopicPartition])
    /// The group took these partitions back; what was done in them was committed before.
    case revoked([TopicPartition])
    /// These partitions are another member's already: what wasn't committed comes again, there.
    case lost([TopicPartition])
    /// All messages that were in these partitions have been taken.
    case caughtUp([TopicPartition])
    /// Messages wait, and the application has taken none for so long, longer than `max.poll.interval.ms`.
    ///
    /// The reader stays in its group, so no other member takes over. Said once, and again when it happens anew.
    case stalled(Duration)
    /// Something went wrong. What can heal by itself does (``MsgBusError/isRetriable``).
    ///
    /// With `.authentication` or `.tls` the brokers refuse this client since now, or it them: a password or a certificate was changed or has
    /// ended. The status goes to ``BusStatus/disconnected(since:)``, and back to ``BusStatus/open`` when it works again.
    case error(MsgBusError)
}

extension BusEvent: CustomStringConvertible {
    /// The case's name first, then what is known.
    public var description: String {
        func list(_ partitions: [TopicPartition]) -> String {
            partitions.isEmpty ? "nothing" : partitions.sorted().map(\.description).joined(separator: ", ")
        }
        return switch self {
        case .status(let status): "status: \(status)"
        case .assigned(let partitions): "assigned: \(list(partitions))"
        case .revoked(let partitions): "revoked: \(list(partitions))"
        case .lost(let partitions): "lost: \(list(partitions))"
        case .caughtUp(let partitions): "caughtUp: \(list(partitions))"
        case .stalled(let time): "stalled for \(time)"
        case .error(let error): "error: \(error)"
        }
    }
}

/// The events of one connection, as they happen: ``KafkaReader/events``, ``KafkaWriter/events``.
///
/// ```swift
/// for await event in reader.events { print(event) }
/// ```
///
/// Every loop gets all events from when the sequence was asked for, the first one also those since `connect` began, and ends when the
/// connection is closed, after `.status(.closed)`. Who doesn't keep up loses the oldest beyond 1,000. Holding it keeps no connection open.
public struct BusEvents: AsyncSequence, Sendable {
    /// What a loop gets.
    public typealias Element = BusEvent
    /// It throws nothing.
    public typealias Failure = Never

    let listener: EventHub.Listener

    /// Begins a loop. A second one over the same sequence gets what happens from its own beginning on.
    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(iterator: listener.takeStream().makeAsyncIterator())
    }

    /// A loop over events.
    public struct AsyncIterator: AsyncIteratorProtocol {
        var iterator: AsyncStream<BusEvent>.Iterator

        /// The next event.
        ///
        /// - Returns: Nil when the connection is closed or the task cancelled.
        public mutating func next(isolation actor: isolated (any Actor)? = #isolation) async -> BusEvent? {
            await iterator.next(isolation: actor)
        }
    }
}
