internal import Dispatch
internal import Synchronization

/// Which partitions a reader has: all of them for a private one, what the group gives to a member.
final class Membership: Sendable {
    private let config: MsgBusConfig
    private let consumer: ConsumerClient
    private let log: BusLog
    private let start: StartOffsets
    private let firstAssignment = OneShot<Void>()
    private let state: Mutex<State>

    private struct State {
        /// How many partitions the topic had when last seen. What comes later is read from its beginning.
        var known: Int
        var isCooperative = false
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
        while firstAssignment.wait(atMost: min(.milliseconds(50), connector.timeLeft)) == nil {
            try connector.cancellation.check()
            if case .failed(let error) = consumer.client.connection.status { throw error }
            guard connector.timeLeft > .zero else {
                throw MsgBusError(
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
        guard !consumer.client.isClosed else {
            // What was done has been committed; `work` waits for exactly this answer.
            return answerAtClose(rebalance.partitions)
        }
        switch rebalance.kind {
        case .assign:
            consumer.client.work.async { self.assign(rebalance.partitions) }
        case .revoke:
            // From here on nothing of these partitions is handed out.
            core?.state.withLock { $0.revoking(rebalance.partitions) }
            consumer.client.work.async { self.revoke(rebalance.partitions) }
        }
    }

    private func assign(_ partitions: [TopicPartition]) {
        guard !consumer.client.isClosed else { return answerAtClose(partitions) }
        let isCooperative = consumer.isCooperative
        state.withLock { $0.isCooperative = isCooperative }
        let (offsets, new) = startOffsets(partitions)
        core?.state.withLock { $0.assigned(partitions) }
        do throws(MsgBusError) {
            try consumer.assign(offsets, incrementally: isCooperative)
        } catch {
            log.warning("\(error)")
        }
        consumer.client.loop.signal(.messages)
        log.info("the group assigned the partitions \(partitions.map(\.partition).sorted())")
        pin(new)
        firstAssignment.resolve(())
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

    /// Commits where the group starts. Else, if a partition moved on before anything of it was acknowledged, its next owner would
    /// start at the end of then, and skip what came in between.
    private func pin(_ offsets: [TopicPartition: Int64]) {
        let absolute = offsets.filter { $0.value >= 0 }
        guard !absolute.isEmpty else { return }
        do throws(MsgBusError) {
            try consumer.commit(absolute, within: .seconds(2))
            core?.state.withLock { $0.didCommit(absolute) }
        } catch {
            log.info("can't commit where the group starts: \(error)")
        }
    }

    private func revoke(_ partitions: [TopicPartition]) {
        guard !consumer.client.isClosed else { return answerAtClose(partitions) }
        if consumer.isAssignmentLost {
            log.warning(
                "the partitions \(partitions.map(\.partition).sorted()) were lost: what isn't committed comes again"
            )
        } else {
            do throws(MsgBusError) {
                try core?.commitDone(within: .seconds(5))
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

    /// Gives up whatever there is; the commit has been made or is about to be.
    private func answerAtClose(_ partitions: [TopicPartition]) {
        try? consumer.unassign(partitions, incrementally: state.withLock { $0.isCooperative })
    }
}
