internal import Dispatch
internal import Synchronization

// What is read can change: topics are added and left, and topics get partitions.
extension Membership {
    // MARK: Subscribing while reading

    var subscribed: [String] { state.withLock { $0.subscription.entries } }

    /// Changes what is read, and waits until it is so; ends with nil or with what went wrong.
    func change(
        within time: Duration,
        _ end: OneShot<MsgBusError?>,
        _ body: @escaping @Sendable (inout Subscription) throws(MsgBusError) -> Void
    ) {
        queue.async { [self] in
            do throws(MsgBusError) {
                var subscription = state.withLock { $0.subscription }
                let before = subscription.entries
                try body(&subscription)
                if subscription.entries == before {
                    end.resolve(nil)
                } else if isGroup {
                    try rejoin(subscription, within: time, end)
                } else {
                    try reassign(subscription, within: time)
                    end.resolve(nil)
                }
            } catch {
                end.resolve(error)
            }
        }
    }

    /// The answer comes with the group's next assignment, which needs this queue.
    private func rejoin(
        _ subscription: Subscription,
        within time: Duration,
        _ end: OneShot<MsgBusError?>
    ) throws(MsgBusError) {
        let known = try partitions(of: subscription, within: time)
        try onOpenWork { () throws(MsgBusError) in try consumer.subscribe(to: subscription.entries) }
        let before = Set(state.withLock { $0.subscription.entries })
        let after = Set(subscription.entries)
        let rounds = rounds
        state.withLock { state in
            state.subscription = subscription
            state.know(known)
        }
        let round = nextRound(after: rounds, adding: after.subtracting(before), removing: before.subtracting(after))
        round.whenResolved { end.resolve($0) }
    }

    private func reassign(_ subscription: Subscription, within time: Duration) throws(MsgBusError) {
        let found = try partitions(of: subscription, within: time)
        let old = known
        let gone = (core?.assignment ?? []).filter { found[$0.topic] == nil }
        var starts: [TopicPartition: StartPosition] = [:]
        for (topic, count) in found where old[topic] == nil {
            for partition in 0..<count {
                starts[TopicPartition(topic: topic, partition: partition)] = config.reader.startFrom
            }
        }
        let deadline = Moment.after(time)
        let offsets = try start.offsets(of: starts) { _ in !client.isClosed && Moment.now < deadline }
        if !gone.isEmpty {
            barrier { core?.state.withLock { $0.revoking(gone) } }
            defer {
                core?.state.withLock { $0.revoked(gone) }
                client.loop.signal(.messages)
            }
            try onOpenWork { () throws(MsgBusError) in
                core?.resumeAll(gone)
                try consumer.unassign(gone, incrementally: true)
            }
            client.events.post(.revoked(gone.sorted()))
        }
        if !offsets.isEmpty { try assignMore(offsets) }
        state.withLock { state in
            state.subscription = subscription
            state.know(found)
        }
    }

    private func assignMore(_ offsets: [TopicPartition: Int64]) throws(MsgBusError) {
        try begin(offsets) { () throws(MsgBusError) in
            try onOpenWork { () throws(MsgBusError) in try consumer.assign(offsets, incrementally: true) }
        }
    }

    /// How many partitions each topic has that a subscription means; a topic by name has to exist.
    private func partitions(
        of subscription: Subscription,
        within time: Duration
    ) throws(MsgBusError) -> [String: Int] {
        var found: [String: Int] = [:]
        if !subscription.patterns.isEmpty {
            let all = try onOpenWork { () throws(MsgBusError) in try client.allTopics(within: time) }
            found = all.filter { subscription.contains($0.key) }
        }
        for topic in subscription.topics {
            let metadata = try onOpenWork { () throws(MsgBusError) in try client.topicMetadata(topic, within: time) }
            switch metadata {
            case .partitions(let count): found[topic] = count
            case .missing(let error): throw error
            case .all: break
            }
        }
        return found
    }

    // MARK: New partitions of a private reader

    func discover() {
        guard config.reader.partitions == nil else { return }
        queue.async { [self] in
            guard !client.isClosed else { return }
            do throws(MsgBusError) {
                let subscription = state.withLock { $0.subscription }
                let found = try partitions(of: subscription, within: .seconds(1))
                let assigned = Set(core?.assignment ?? [])
                var new: [TopicPartition: Int64] = [:]
                for (topic, count) in found {
                    for partition in 0..<count {
                        let id = TopicPartition(topic: topic, partition: partition)
                        if !assigned.contains(id) { new[id] = ConsumerClient.beginning }
                    }
                }
                guard !new.isEmpty else { return }
                try assignMore(new)
                state.withLock { $0.known = found }
                log.info("there are new partitions, which are read too: \(new.keys.sorted())")
            } catch {
                // Asked again soon.
                log.debug("looking for new partitions: \(error)")
            }
        }
    }
}
