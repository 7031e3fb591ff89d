internal import Dispatch
internal import Synchronization

/// Which partitions a reader has: all of them for a private one, what the group gives to a member.
final class Membership: Sendable {
    private let config: MsgBusConfig
    private let consumer: ConsumerClient
    private let log: BusLog
    private let start: StartOffsets
    private let firstAssignment = OneShot<MsgBusError?>()
    private let state: Mutex<State>

    private struct State {
        /// How many partitions the topic had when last seen. What comes later is read from its beginning.
        var known: Int
        var isCooperative = false
        /// The rebalances that wait for their answer, by their order.
        var unanswered: [Rebalance] = []
        /// The last commit is made: whatever is asked from now on is given up at once.
        var isLeaving = false
        weak var core: ReaderCore?
    }

    init(_ config: MsgBusConfig, _ consumer: ConsumerClient, _ log: BusLog, partitions: Int) {
        self.config = config
        self.consumer = consumer
        self.log = log
        start = StartOffsets(position: config.reader.startFrom, consumer: consumer)
        state = Mutex(State(known: partitions))
    }

    func attach(_ core: ReaderCore) { state.withLock { $0.core = core } }

    private var core: ReaderCore? { state.withLock { $0.core } }
    private var known: Int { state.withLock { $0.known } }

    // MARK: Connecting

    /// Has the first partitions assigned; blocks until they are.
    func start(_ connector: Connector) throws(MsgBusError) {
        guard let group = config.groupID else { return try assignAll(connector) }
        try consumer.subscribe(to: [config.topic])
        let assignment = BlockedThread<MsgBusError?>()
        firstAssignment.whenResolved(.thread(assignment))
        while true {
            if let failure = assignment.wait(atMost: min(.milliseconds(50), connector.timeLeft)) {
                if let failure { throw failure }
                return
            }
            try connector.cancellation.check()
            let connection = consumer.client.connection
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
        let partitions = (0..<known).map { TopicPartition(topic: config.topic, partition: $0) }
        let offsets = try start.offsets(of: partitions) { error in
            log.info("\(error); trying again")
            connector.cancellation.sleep(.milliseconds(50))
            return !connector.cancellation.isCancelled && connector.timeLeft > .zero
        }
        try connector.cancellation.check()
        try consumer.assign(offsets, incrementally: false)
        core?.state.withLock { $0.assigned(partitions) }
    }

    // MARK: New partitions of a private reader

    func discover() {
        consumer.client.work.async { [self] in
            guard !consumer.client.isClosed,
                case .partitions(let count)? = try? consumer.client.topicMetadata(config.topic, within: .seconds(1)),
                count > known
            else { return }
            let new = (known..<count).map { TopicPartition(topic: config.topic, partition: $0) }
            do throws(MsgBusError) {
                let offsets = Dictionary(uniqueKeysWithValues: new.map { ($0, ConsumerClient.beginning) })
                try consumer.assign(offsets, incrementally: true)
                state.withLock { $0.known = count }
                core?.state.withLock { $0.assigned(new) }
                log.info("the topic has \(count) partitions now: the new ones are read too")
            } catch {
                log.warning("can't read the new partitions: \(error); it will be tried again")
            }
        }
    }

    // MARK: Rebalances of a group's member

    /// Answers a rebalance; on the poll loop's queue, which doesn't wait for it.
    func answer(_ rebalance: Rebalance) {
        let isLeaving = state.withLock { state in
            if !state.isLeaving { state.unanswered.append(rebalance) }
            return state.isLeaving
        }
        // `work` waits for exactly this answer.
        guard !isLeaving else { return giveUp(rebalance.partitions) }
        if case .revoke = rebalance.kind {
            // From here on nothing of these partitions is handed out.
            core?.state.withLock { $0.revoking(rebalance.partitions) }
        }
        consumer.client.work.async { [self] in
            // Answered by `leave` if that was quicker; the client may be gone.
            guard !state.withLock({ $0.isLeaving }) else { return }
            switch rebalance.kind {
            case .assign: assign(rebalance.partitions)
            case .revoke: revoke(rebalance.partitions)
            }
            state.withLock { state in _ = state.unanswered.removeFirst() }
        }
    }

    /// From now on everything that the group asks is answered by giving up; the close has committed what was done. On `work`.
    func leave() {
        let unanswered = state.withLock { state in
            state.isLeaving = true
            return state.unanswered
        }
        for rebalance in unanswered { giveUp(rebalance.partitions) }
    }

    private func giveUp(_ partitions: [TopicPartition]) {
        let isCooperative = state.withLock { $0.isCooperative }
        do throws(MsgBusError) {
            try consumer.unassign(partitions, incrementally: isCooperative)
        } catch {
            // Before its first assignment a member doesn't know which of the two it has to be.
            try? consumer.unassign(partitions, incrementally: !isCooperative)
        }
    }

    private func assign(_ partitions: [TopicPartition]) {
        guard !consumer.client.isClosed else { return giveUp(partitions) }
        let isCooperative = consumer.isCooperative
        state.withLock { $0.isCooperative = isCooperative }
        let (offsets, new) = startOffsets(partitions)
        // Where the group starts is committed. Else, if a partition moved on before anything of it was acknowledged, its next
        // owner would start at the end of then, and skip what came in between.
        core?.state.withLock { $0.assigned(partitions, startingAt: new.filter { $0.value >= 0 }) }
        do throws(MsgBusError) {
            try consumer.assign(offsets, incrementally: isCooperative)
        } catch {
            log.warning("\(error)")
            firstAssignment.resolve(error)
            return
        }
        consumer.client.loop.signal(.messages)
        log.info("the group assigned the partitions \(partitions.map(\.partition).sorted())")
        do throws(MsgBusError) {
            try core?.commitDone(within: .seconds(2))
        } catch {
            log.info("can't commit where the group starts: \(error); it will be tried again")
        }
        firstAssignment.resolve(nil)
    }

    /// The group's offsets, and where it has none, where to start: those are in `new` too.
    private func startOffsets(
        _ partitions: [TopicPartition]
    ) -> (offsets: [TopicPartition: Int64], new: [TopicPartition: Int64]) {
        let client = consumer.client
        let giveUp = ContinuousClock.now + .seconds(30)
        let pause = Cancellation()
        while true {
            do throws(MsgBusError) {
                let committed = partitions.isEmpty ? [:] : try consumer.committed(partitions, within: .seconds(2))
                let missing = partitions.filter { committed[$0] == nil }
                // Partitions that came into being after this reader connected have nothing that it may miss.
                let known = known
                let old = missing.filter { $0.partition < known }
                var new = try start.offsets(of: old, within: .seconds(2))
                for partition in missing where new[partition] == nil { new[partition] = ConsumerClient.beginning }
                return (committed.merging(new) { committed, _ in committed }, new)
            } catch {
                log.warning("can't learn where to start: \(error)")
                guard !client.isClosed, ContinuousClock.now < giveUp else {
                    // Let librdkafka look the group's offsets up itself; its own fallback skips nothing.
                    return (Dictionary(uniqueKeysWithValues: partitions.map { ($0, ConsumerClient.stored) }), [:])
                }
                pause.sleep(.milliseconds(100))
            }
        }
    }

    private func revoke(_ partitions: [TopicPartition]) {
        if consumer.isAssignmentLost {
            log.warning(
                "the partitions \(partitions.map(\.partition).sorted()) were lost: what isn't committed comes again"
            )
        } else {
            do throws(MsgBusError) {
                try core?.commitDone(within: .seconds(5), evenIfClosed: true)
            } catch {
                log.warning("the commit before giving partitions up failed, so messages will come again: \(error)")
            }
        }
        do throws(MsgBusError) {
            try consumer.unassign(partitions, incrementally: state.withLock { $0.isCooperative })
        } catch {
            log.warning("\(error)")
        }
        core?.state.withLock { $0.revoked(partitions) }
        consumer.client.loop.signal(.messages)
    }
}
