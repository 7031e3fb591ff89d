internal import Dispatch
internal import Synchronization

// The rebalances of a group's member. Each waits until it is answered, whatever goes wrong.
extension Membership {
    /// Answers a rebalance; on the poll loop's queue, which doesn't wait for it.
    func answer(_ rebalance: Rebalance) {
        let isLeaving = state.withLock { state in
            if !state.isLeaving { state.unanswered.append(rebalance) }
            return state.isLeaving
        }
        // The close waits for exactly this answer.
        guard !isLeaving else { return giveUp(rebalance.partitions) }
        if case .revoke = rebalance.kind {
            // From here on nothing of these partitions is handed out.
            core?.state.withLock { $0.revoking(rebalance.partitions) }
        }
        queue.async { [self] in
            guard !self.isLeaving else { return }
            switch rebalance.kind {
            case .assign: assign(rebalance.partitions)
            case .revoke: revoke(rebalance.partitions)
            }
            state.withLock { state in
                if !state.isLeaving { state.unanswered.removeFirst() }
            }
        }
    }

    /// From now on everything that the group asks is answered by giving up; the close has committed what was done. On `work`.
    func leave() {
        let unanswered = state.withLock { state in
            state.isLeaving = true
            return state.unanswered
        }
        for rebalance in unanswered { giveUp(rebalance.partitions) }
        endRound(MsgBusError(.closed, "the reader was closed"), isLast: true)
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

    /// Makes a call that answers the group, unless the close has answered already.
    private func answering(_ body: () throws(MsgBusError) -> Void) throws(MsgBusError) {
        try client.onWork { () throws(MsgBusError) in
            if !isLeaving { try body() }
        }
    }

    private func assign(_ partitions: [TopicPartition]) {
        do throws(MsgBusError) {
            try answering { () throws(MsgBusError) in
                let isCooperative = consumer.isCooperative
                state.withLock { $0.isCooperative = isCooperative }
            }
            let found = startOffsets(partitions)
            // Where the group starts is committed. Else, if a partition moved on before anything of it was acknowledged, its next
            // owner would start at the end of then, and skip what came in between.
            try begin(found.offsets, committed: found.committed, startingAt: found.starts) { () throws(MsgBusError) in
                try answering { () throws(MsgBusError) in
                    try consumer.assign(found.offsets, incrementally: state.withLock { $0.isCooperative })
                }
            }
        } catch {
            // It has to be answered all the same: nothing is read, and the next rebalance may go better.
            log.error("the partitions \(partitions.sorted()) can't be read: \(error)")
            client.events.post(.error(error))
            try? answering { giveUp(partitions) }
            return endRound(error)
        }
        client.loop.signal(.messages)
        log.info("the group assigned \(partitions.isEmpty ? "nothing" : "\(partitions.sorted())")")
        do throws(MsgBusError) {
            try answering { () throws(MsgBusError) in
                try core?.commitDone(within: .seconds(2), evenIfClosed: true)
            }
        } catch {
            log.info("can't commit where the group starts: \(error); it will be tried again")
        }
        endRound(nil)
    }

    /// Where to start: the group's offsets, and where it has none, or where the application or our own unfinished commits know
    /// better, where these say. Those in `starts` are to be committed.
    private func startOffsets(
        _ partitions: [TopicPartition]
    ) -> (offsets: [TopicPartition: Int64], committed: [TopicPartition: Int64], starts: [TopicPartition: Int64]) {
        let giveUp = Moment.now + .seconds(30)
        let pause = Cancellation()
        // Asked for once, however often the cluster is asked.
        var chosen: [TopicPartition: StartPosition]?
        var remainders: [TopicPartition: Int64]?
        while !partitions.isEmpty {
            do throws(MsgBusError) {
                let committed = try client.onWork { () throws(MsgBusError) in
                    try isLeaving ? [:] : consumer.committed(partitions, within: .seconds(2))
                }
                var wanted: [TopicPartition: StartPosition] = [:]
                // Partitions that came into being after this reader connected have nothing that it may miss.
                let known = known
                for partition in partitions where committed[partition] == nil {
                    let isOld = partition.partition < known[partition.topic] ?? 0
                    wanted[partition] = isOld ? config.reader.startFrom : .earliest
                }
                remainders = remainders ?? takeRemainders(partitions, committed)
                for (partition, offset) in remainders ?? [:] where partitions.contains(partition) {
                    wanted[partition] = .offset(offset)
                }
                chosen = chosen ?? chosenStarts(Assignment(partitions, committed: committed))
                wanted.merge(chosen ?? [:]) { $1 }
                let starts = try start.offsets(of: wanted) { error in
                    log.warning("can't learn where to start: \(error)")
                    return !isLeaving && Moment.now < giveUp
                }
                // The beginning stays where it is, or moves only since messages are gone.
                let fixed = starts.filter { wanted[$0.key] != .earliest }
                return (committed.merging(starts) { $1 }, committed, fixed)
            } catch {
                log.warning("can't learn where to start: \(error)")
                guard !client.isClosed, Moment.now < giveUp else {
                    // Let librdkafka look the group's offsets up itself; its own fallback skips nothing.
                    return (Dictionary(uniqueKeysWithValues: partitions.map { ($0, ConsumerClient.stored) }), [:], [:])
                }
                pause.sleep(.milliseconds(100))
            }
        }
        _ = takeRemainders([], [:])
        return ([:], [:], [:])
    }

    /// Where to go on in partitions that came back before what was done in them could be committed. What is another member's comes again.
    private func takeRemainders(
        _ partitions: [TopicPartition],
        _ committed: [TopicPartition: Int64]
    ) -> [TopicPartition: Int64] {
        guard let core else { return [:] }
        let (gone, remainders) = core.state.withLock { state in
            (state.progress.remaining.filter { !partitions.contains($0) }, state.progress.takeRemainders(committed))
        }
        if !gone.isEmpty {
            log.warning(
                "the commit before giving partitions up failed: what was done since the one before comes again in \(gone.sorted())"
            )
        }
        return remainders
    }

    private func revoke(_ partitions: [TopicPartition]) {
        defer {
            core?.state.withLock { $0.revoked(partitions) }
            client.loop.signal(.messages)
        }
        do throws(MsgBusError) {
            var isLost = false
            try answering { () throws(MsgBusError) in isLost = consumer.isAssignmentLost }
            if isLost {
                log.warning("\(partitions.sorted()) were lost: what isn't committed comes again")
                client.events.post(.lost(partitions.sorted()))
                handle("onLost", config.reader.onLost, partitions)
            } else {
                handle("onRevoke", config.reader.onRevoke, partitions)
                commitBeforeRevoke()
                client.events.post(.revoked(partitions.sorted()))
            }
            try answering { () throws(MsgBusError) in
                core?.resumeAll(partitions)
                try consumer.unassign(partitions, incrementally: state.withLock { $0.isCooperative })
            }
        } catch {
            log.warning("\(error)")
        }
    }

    private func commitBeforeRevoke() {
        do throws(MsgBusError) {
            try answering { () throws(MsgBusError) in
                try core?.commitDone(within: .seconds(5), evenIfClosed: true)
            }
        } catch {
            log.warning("the commit before giving partitions up failed, so messages may come again: \(error)")
        }
    }

    // MARK: The application's handlers

    /// Before the last commit of a close: the application may finish what it has in hand.
    func prepareToLeave(within time: Duration) {
        let partitions = core?.assignment ?? []
        guard isGroup, !partitions.isEmpty, let handler = config.reader.onRevoke else { return }
        wait(for: "onRevoke", atMost: time) { await handler(partitions) }
    }

    private func handle(
        _ name: String,
        _ handler: (@Sendable ([TopicPartition]) async -> Void)?,
        _ partitions: [TopicPartition]
    ) {
        // A close has called it already.
        guard let handler, !client.isClosed else { return }
        core?.waitForCallback(of: partitions, atMost: config.reader.rebalanceTimeout)
        wait(for: name, atMost: config.reader.rebalanceTimeout) { await handler(partitions) }
    }

    private func chosenStarts(_ assignment: Assignment) -> [TopicPartition: StartPosition] {
        guard let handler = config.reader.onAssign, !client.isClosed else { return [:] }
        let chosen = wait(for: "onAssign", atMost: config.reader.rebalanceTimeout) {
            var assignment = assignment
            await handler(&assignment)
            return assignment
        }
        return chosen?.starts ?? [:]
    }

    /// Runs a handler in a task; goes on without it when it takes too long.
    @discardableResult
    private func wait<Value: Sendable>(
        for name: String,
        atMost time: Duration,
        _ handler: @escaping @Sendable () async -> Value
    ) -> Value? {
        let result = OneShot<Value>()
        let enclosing = Self.enclosing + [ObjectIdentifier(self)]
        let task = Task { await Self.$enclosing.withValue(enclosing) { result.resolve(await handler()) } }
        let value = result.wait(atMost: time)
        if value == nil {
            log.error("\(name) hasn't returned within \(time): the group can't wait any longer")
            task.cancel()
        }
        return value
    }
}
