/// What only concerns readers.
///
/// Defaults that differ from librdkafka's say why.
public struct ReaderOptions: Sendable {
    /// Where to start. In a group: where the group has no committed offset. Default: ``StartPosition/latest``.
    public var startFrom: StartPosition = .latest

    /// For a private reader: which partitions to read, each from where, instead of all from ``startFrom``. Default: nil, all of them.
    ///
    /// Partitions that the topic gets later are not read.
    public var partitions: [Int: StartPosition]?

    /// What to do when the topic doesn't exist. Default: fail with `.unknownTopic`.
    public var missingTopic: MissingTopic = .fail

    /// When a message of a group counts as done. Default: when the caller comes back for more.
    public var ackMode: AckMode = .automatic

    /// What to do when a callback throws, and when messages that were rejected don't get better. Default: nil: the failure is logged
    /// and told to ``KafkaReader/events``, the message stays unacknowledged, and the next one comes.
    public var failurePolicy: FailurePolicy?

    /// How a group shares the partitions out. Default: ``Assignor/standard``.
    public var assignor: Assignor = .standard

    /// The name of this member, if it is a static one: unique in the group, and the same after a restart. Default: nil.
    ///
    /// A static member that is back within the session timeout gets its old partitions, and nobody else notices. The price: when it
    /// closes, its partitions stay without a reader until then. A second one with the same name makes the first one fail with
    /// `.fenced`.
    public var groupInstanceID: String?

    /// Called when the group has assigned partitions, before they are read: it may choose where. Awaited, also by `connect`.
    public var onAssign: (@Sendable (inout Assignment) async -> Void)?

    /// Called when the group takes partitions back, and before a close leaves it: what is acknowledged by the time that it returns
    /// is committed. Of these partitions nothing is handed out any more, and no callback has a message. Awaited.
    public var onRevoke: (@Sendable ([TopicPartition]) async -> Void)?

    /// Called when partitions are another member's already, for example since the connection was gone for longer than the session
    /// timeout: nothing can be committed, and what wasn't comes again there. No callback has a message of them. Awaited.
    public var onLost: (@Sendable ([TopicPartition]) async -> Void)?

    /// How long the group waits for each of these handlers, whose tasks are then cancelled, and before ``onRevoke`` and ``onLost`` for
    /// a callback that has a message of the partitions. On close it is what is left of the close's time. Keep it below
    /// `max.poll.interval.ms` (5 minutes). Default: 30 seconds.
    public var rebalanceTimeout: Duration = .seconds(30)

    /// Whether messages of transactions come only once they are committed. Default: yes, as librdkafka.
    public var isolation: Isolation = .readCommitted

    /// How long after an acknowledgement the group's offset is committed, at the latest. Also on a rebalance and on close.
    /// Default: 5 seconds.
    public var commitInterval: Duration = .seconds(5)

    /// How many messages may wait in the reader to be taken. Default: 10,000.
    ///
    /// When it is full the reader takes no more from librdkafka, which then stops fetching: messages wait on the broker.
    public var queueMessages = 10_000

    /// How many bytes of keys and values may wait in the reader, give or take one fetch. Default: 16 MiB.
    public var queueBytes = 16 * 1024 * 1024

    /// How many bytes librdkafka may fetch ahead of the reader's own queue, give or take one fetch of each broker.
    /// Default: 64 MiB, as librdkafka, which however stops at 100,000 messages and then looks again only once a second.
    public var prefetchBytes = 64 * 1024 * 1024

    /// How often the reader looks for new partitions of its topic. They are read from their beginning, so nothing in them is
    /// missed. Default: 30 seconds (librdkafka: 5 minutes).
    public var partitionDiscoveryInterval: Duration = .seconds(30)

    /// How long `disconnect()`, and a reader that is let go without `close`, may take. Default: 10 seconds.
    public var closeTimeout: Duration = .seconds(10)

    /// Makes options with all defaults.
    public init() {}

    private func validateTransactional(groupID: String?) throws(MsgBusError) {
        func wrong(_ why: String) -> MsgBusError {
            MsgBusError(.configuration, "reader.ackMode is .transactional, \(why)")
        }
        guard groupID != nil else { throw wrong("and there is no groupID: a private reader has nothing to commit") }
        guard isolation == .readCommitted else {
            throw wrong(
                "which needs reader.isolation to be .readCommitted: else it could start at an offset that a transaction is just moving"
            )
        }
        if let outcome = failurePolicy?.outcome, outcome != .stop {
            throw wrong("so only a transaction can say that a message is done, and failurePolicy can't be .\(outcome)")
        }
    }

    func validate(topic: String, groupID: String?) throws(MsgBusError) {
        func check(_ isRight: Bool, _ message: @autoclosure () -> String) throws(MsgBusError) {
            guard isRight else { throw MsgBusError(.configuration, message()) }
        }
        try check(
            (1...10_000_000).contains(queueMessages),
            "reader.queueMessages is \(queueMessages): it has to be within 1...10000000"
        )
        try check(queueBytes >= 1, "reader.queueBytes is \(queueBytes): it has to be at least 1")
        try check(
            (1024...2_097_151 * 1024).contains(prefetchBytes),
            "reader.prefetchBytes is \(prefetchBytes): it has to be within 1024...2147482624"
        )
        try check(
            commitInterval > .zero,
            "reader.commitInterval is \(commitInterval): it has to be longer than nothing"
        )
        try check(
            partitionDiscoveryInterval >= .milliseconds(10) && partitionDiscoveryInterval <= .seconds(3600),
            "reader.partitionDiscoveryInterval is \(partitionDiscoveryInterval): it has to be from 10 milliseconds to 1 hour"
        )
        try check(closeTimeout >= .zero, "reader.closeTimeout is \(closeTimeout): it can't be negative")
        try check(
            rebalanceTimeout > .zero,
            "reader.rebalanceTimeout is \(rebalanceTimeout): it has to be longer than nothing"
        )
        try startFrom.validate("reader.startFrom")
        if let partitions {
            try check(
                groupID == nil,
                "reader.partitions and groupID exclude each other: a group shares its partitions out itself"
            )
            try check(
                !Subscription.isPattern(topic),
                "reader.partitions needs one topic, and \"\(topic)\" is a pattern"
            )
            for (partition, position) in partitions {
                try check(partition >= 0, "reader.partitions has \(partition): they count from 0")
                try position.validate("reader.partitions[\(partition)]")
            }
        }
        if let groupInstanceID {
            try check(groupID != nil, "reader.groupInstanceID is \"\(groupInstanceID)\", and there is no groupID")
            try MsgBusConfig.validate(topic: groupInstanceID)
        }
        try failurePolicy?.validate()
        if ackMode == .transactional { try validateTransactional(groupID: groupID) }
        if case .create(let partitions, let replicas) = missingTopic {
            try check(
                (1...100_000).contains(partitions) && (1...1000).contains(replicas),
                "reader.missingTopic creates \(partitions) partitions with \(replicas) replicas: 1 to 100000 and 1 to 1000 are possible"
            )
        }
    }
}

/// Where a reader starts.
public enum StartPosition: Sendable, Hashable {
    /// At the end: with the first message sent after `connect` returned, none missed.
    case latest
    /// With the oldest message that the topic still has.
    case earliest
    /// With the first message that is not older than this time; at the end if there is none.
    case time(MessageTimestamp)
    /// With the last so many messages of each partition.
    case last(Int)
    /// With the message that has this offset; if it doesn't exist any more, with the oldest.
    case offset(Int64)

    func validate(_ name: String) throws(MsgBusError) {
        switch self {
        case .last(let count) where count < 0:
            throw MsgBusError(.configuration, "\(name) is .last(\(count)): it can't be negative")
        case .offset(let offset) where offset < 0:
            throw MsgBusError(.configuration, "\(name) is .offset(\(offset)): they count from 0")
        default:
            break
        }
    }
}

/// What a reader does when its topic doesn't exist.
public enum MissingTopic: Sendable, Hashable {
    /// Throws `.unknownTopic`.
    case fail
    /// Waits for it, up to ``MsgBusConfig/connectTimeout``.
    case wait
    /// Creates it.
    case create(partitions: Int, replicationFactor: Int = 1)
}

/// When a message that a group's reader handed out counts as done, so that its offset may be committed.
///
/// A message that isn't done when its reader closes, crashes or loses the partition comes again. A private reader commits nothing.
public enum AckMode: Sendable, Hashable {
    /// When the caller comes back for more: by its next read (of the same thread or task), by the next turn of its loop over
    /// ``KafkaReader/messages``; and when a callback returns without throwing.
    ///
    /// The message in hand when the reader closes isn't done, unless its loop comes back before that has ended. Nor is one whose thread
    /// or task never reads again: it holds the group's offset where it is. So read in few long-lived places, or choose ``manual``.
    case automatic
    /// When ``KafkaReader/acknowledge(_:)`` says so, from anywhere and in any order.
    ///
    /// A private reader may have it, too: no read says of an earlier message that it is done, so ``KafkaReader/reject(_:because:)`` works
    /// for as long as the message is held. But acknowledging does nothing there: without a ``MsgBusConfig/groupID``, nobody remembers it.
    case manual
    /// When a transaction is committed in which ``Transaction/acknowledge(_:of:)-(Message,_)`` said so, in order: the message is done
    /// if and only if what was written for it is. The reader by itself commits nothing, not even on close.
    ///
    /// It needs a group, and ``Isolation/readCommitted``.
    case transactional
}

/// What a reader sees of transactions; other messages it sees at once in any case.
public enum Isolation: String, Sendable, Hashable {
    /// A transaction's messages when it is committed, and none of it when it is aborted. What is sent after the messages of an open
    /// transaction waits for its end, so that the order stays.
    case readCommitted = "read_committed"
    /// Everything at once, also what is aborted later.
    case readUncommitted = "read_uncommitted"
}
