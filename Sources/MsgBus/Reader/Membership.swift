internal import Dispatch
internal import Synchronization

/// Which partitions a reader has: all of its topics' for a private one, what the group gives to a member.
///
/// What takes time (looking up offsets, the application's handlers) runs on a queue of its own, one after another; the calls
/// themselves on the client's `work`, which in between is free for commits.
final class Membership: Sendable {
    let config: MsgBusConfig
    let consumer: ConsumerClient
    let log: BusLog
    let start: StartOffsets
    let queue = DispatchQueue.ours("msgbus.partitions")
    let state: Mutex<State>

    struct RoundWaiter {
        let after: Int
        /// Topics that have to be there then, and topics that must not be.
        let added: Set<String>
        let removed: Set<String>
        let answer: OneShot<MsgBusError?>
    }

    struct State {
        var subscription: Subscription
        /// How many partitions topics had when they were subscribed to. What comes later is read from its beginning.
        var known: [String: Int]
        var isCooperative = false
        /// The rebalances that wait for their answer, by their order.
        var unanswered: [Rebalance] = []
        /// The last commit is made: whatever is asked from now on is given up at once.
        var isLeaving = false
        /// How often the group has assigned partitions, and who waits for more.
        var rounds = 0
        var roundWaiters: [RoundWaiter] = []
        /// Until it is closed. Not weak: Swift counts the references to an object slowly once there has been a weak one, and each
        /// message counts some.
        var core: ReaderCore?

        /// Topics are subscribed to. What those that already were have got since then stays new.
        mutating func know(_ partitions: [String: Int]) {
            known = partitions.reduce(into: [:]) { $0[$1.key] = min($1.value, known[$1.key] ?? $1.value) }
        }
    }

    init(_ config: MsgBusConfig, _ consumer: ConsumerClient, _ log: BusLog, _ plan: ReadingPlan) {
        self.config = config
        self.consumer = consumer
        self.log = log
        start = StartOffsets(consumer: consumer)
        state = Mutex(State(subscription: plan.subscription, known: plan.partitions))
    }

    /// Whose handlers the current task is inside of.
    @TaskLocal static var enclosing: [ObjectIdentifier] = []

    var isInsideHandler: Bool { Self.enclosing.contains(ObjectIdentifier(self)) }

    func attach(_ core: ReaderCore?) { state.withLock { $0.core = core } }

    var client: KafkaClient { consumer.client }
    var core: ReaderCore? { state.withLock { $0.core } }
    var known: [String: Int] { state.withLock { $0.known } }
    var isLeaving: Bool { state.withLock { $0.isLeaving } }
    var isGroup: Bool { config.groupID != nil }

    // MARK: Connecting

    /// Has the first partitions assigned; blocks until they are.
    func start(_ connector: Connector) throws(MsgBusError) {
        guard let group = config.groupID else { return try assignAll(connector) }
        let entries = state.withLock { $0.subscription.entries }
        try client.onWork { () throws(MsgBusError) in try consumer.subscribe(to: entries) }
        let assignment = nextRound(after: 0)
        while true {
            if let failure = assignment.wait(atMost: min(.milliseconds(50), connector.timeLeft)) {
                if let failure { throw failure }
                return
            }
            try connector.cancellation.check()
            let connection = client.connection
            if case .failed(let error) = connection.status { throw error }
            if let cause = connection.cause, !cause.isRetriable { throw cause }
            guard connector.timeLeft > .zero else {
                throw connection.cause
                    ?? MsgBusError(
                        .timeout,
                        "the group \"\(group)\" assigned no partitions within \(config.connectTimeout)",
                        topic: config.topic,
                        isRetriable: true
                    )
            }
        }
    }

    private func assignAll(_ connector: Connector) throws(MsgBusError) {
        var starts: [TopicPartition: StartPosition] = [:]
        for (topic, count) in known {
            for partition in 0..<count {
                starts[TopicPartition(topic: topic, partition: partition)] = config.reader.startFrom
            }
        }
        if let chosen = config.reader.partitions {
            starts = [:]
            for (partition, position) in chosen {
                starts[TopicPartition(topic: config.topic, partition: partition)] = position
            }
        }
        let offsets = try start.offsets(of: starts) { error in
            log.info("\(error); trying again")
            connector.cancellation.sleep(.milliseconds(50))
            return !connector.cancellation.isCancelled && connector.timeLeft > .zero
        }
        try connector.cancellation.check()
        try begin(offsets) { () throws(MsgBusError) in
            try client.onWork { () throws(MsgBusError) in try consumer.assign(offsets, incrementally: false) }
        }
    }

    /// The reader gets further partitions. It knows of them before librdkafka does, for then their messages come.
    func begin(
        _ offsets: [TopicPartition: Int64],
        committed: [TopicPartition: Int64] = [:],
        startingAt starts: [TopicPartition: Int64] = [:],
        _ assign: () throws(MsgBusError) -> Void
    ) throws(MsgBusError) {
        // Between two turns of the loop: what one takes is of before or of after.
        barrier {
            core?.state.withLock {
                $0.assigned(offsets.keys, at: offsets, committed: committed, startingAt: starts)
            }
        }
        do throws(MsgBusError) {
            try assign()
        } catch {
            core?.state.withLock { $0.forget(offsets.keys) }
            throw error
        }
        client.loop.signal(.messages)
        client.events.post(.assigned(offsets.keys.sorted()))
    }

    func onOpenWork<Value>(_ body: () throws(MsgBusError) -> Value) throws(MsgBusError) -> Value {
        try client.onWork { () throws(MsgBusError) in
            guard !client.isClosed else { throw MsgBusError(.closed, "the reader is closed") }
            return try body()
        }
    }

    /// Runs on the poll loop's queue, between two of its turns.
    func barrier(_ body: () -> Void) { client.loop.queue.sync(execute: body) }

    // MARK: Rounds

    var rounds: Int { state.withLock { $0.rounds } }

    /// Resolved when the group has assigned partitions once more.
    ///
    /// After a change of the subscription the group may still assign under the old one. So an assignment has to have the topics that
    /// were added, and none that was removed, or to last: a member may rightly get nothing of a topic.
    func nextRound(
        after rounds: Int,
        adding added: Set<String> = [],
        removing removed: Set<String> = []
    ) -> OneShot<MsgBusError?> {
        let round = OneShot<MsgBusError?>()
        let isThere = state.withLock { state in
            if state.rounds > rounds, added.isEmpty, removed.isEmpty { return true }
            state.roundWaiters.append(
                RoundWaiter(after: rounds, added: added, removed: removed, answer: round)
            )
            return false
        }
        if isThere { round.resolve(nil) }
        return round
    }

    /// The group has assigned partitions, or never will again.
    func endRound(_ error: MsgBusError?, isLast: Bool = false) {
        let topics = Set((core?.assignment ?? []).map(\.topic))
        let rounds = state.withLock { state in
            state.rounds += 1
            return state.rounds
        }
        answerRound(error) { waiter in
            isLast
                || (rounds > waiter.after && waiter.added.isSubset(of: topics)
                    && waiter.removed.isDisjoint(with: topics))
        }
        guard !isLast, state.withLock({ !$0.roundWaiters.isEmpty }) else { return }
        queue.asyncAfter(deadline: .now() + .seconds(3)) { [weak self] in
            guard let self, state.withLock({ $0.rounds == rounds && $0.unanswered.isEmpty }) else { return }
            answerRound(nil) { rounds > $0.after }
        }
    }

    private func answerRound(_ error: MsgBusError?, _ isAnswered: (RoundWaiter) -> Bool) {
        let waiters = state.withLock { state in
            defer { state.roundWaiters.removeAll(where: isAnswered) }
            return state.roundWaiters.filter(isAnswered)
        }
        for waiter in waiters { waiter.answer.resolve(error) }
    }
}
