internal import Dispatch
internal import Synchronization

// A reader whose messages are done when a writer's transaction is committed.
//
// Nothing but the transaction may move the group's offset then: a commit of the reader's own would count more than the one of a
// transaction whose end is still under way.

extension ReaderCore {
    /// What a transaction is about to commit for this reader.
    struct Claim: Sendable {
        let reader: ReaderCore
        let done: [Stretch]
        /// Each the offset of the next message to read.
        let offsets: [TopicPartition: Int64]
        let group: GroupMetadata
    }

    /// Checks that a transaction may acknowledge messages of this reader.
    func checkTransactional() throws(MsgBusError) {
        try state.withLock { state throws(MsgBusError) in
            try state.checkOpen()
            guard state.ackMode == .transactional else {
                throw MsgBusError(
                    .state,
                    "a transaction can't acknowledge for a reader whose ackMode is .\(state.ackMode): it has to be .transactional",
                    topic: config.topic
                )
            }
        }
    }

    /// The offsets with which these messages are done, and the membership that may commit them. Blocks; not on this reader's `work`.
    ///
    /// - Throws: `.rebalance` when one isn't this reader's any more; `.state` when one is done already or one before isn't; `.closed`.
    func claim(_ done: [Stretch], within time: Duration) throws(MsgBusError) -> Claim {
        let answer = BlockedThread<Result<Claim, MsgBusError>>()
        // There the partitions and the membership don't change meanwhile.
        client.work.async { [self] in
            do throws(MsgBusError) {
                answer.resume(.success(try makeClaim(done)))
            } catch {
                answer.resume(.failure(error))
            }
        }
        guard let claim = answer.wait(atMost: time) else {
            throw MsgBusError(
                .timeout,
                "the reader didn't answer within \(time)",
                topic: config.topic,
                isRetriable: true
            )
        }
        return try claim.get()
    }

    private func makeClaim(_ done: [Stretch]) throws(MsgBusError) -> Claim {
        try state.withLock { state throws(MsgBusError) in try state.checkOpen() }
        // Where the group starts has to be committed before, not after.
        try commitDone(within: .seconds(5))
        let offsets = try state.withLock { state throws(MsgBusError) in try state.progress.offsets(after: done) }
        guard let group = consumer.groupMetadata() else {
            throw MsgBusError(.rebalance, "the reader isn't a member of its group any more", topic: config.topic)
        }
        return Claim(reader: self, done: done, offsets: offsets, group: group)
    }

    /// The transaction is committed.
    func didCommit(_ claim: Claim) {
        state.withLock { state in
            for done in claim.done {
                _ = state.progress.finish(done)
                state.settled(done)
            }
            state.didCommit(claim.offsets)
        }
    }
}

extension ReaderCore {
    /// Has everything that was handed out and isn't done come again: from where the group is, which knows better than we do what a
    /// writer that is gone has committed.
    func rewind() async throws(MsgBusError) {
        let undone = state.withLock { $0.progress.undone }
        guard !undone.isEmpty else { return }
        let committed = try await ask(by: .after(.seconds(30))) { [consumer] slice throws(MsgBusError) in
            try consumer.committed(Array(undone.keys), within: slice)
        }
        try await onWork { [self] () throws(MsgBusError) in
            // A partition that has gone and come meanwhile begins where it should anyway.
            let still = state.withLock { $0.progress.undone }
            var offsets = undone.filter { still[$0.key] == $0.value }
            for (partition, offset) in offsets { offsets[partition] = max(offset, committed[partition] ?? 0) }
            try seek(offsets) { $0.rewind(to: $1, committed) }
        }
    }
}

extension ReaderState {
    static let needsTransaction = MsgBusError(
        .state,
        "the reader's ackMode is .transactional: acknowledge with the transaction, `transaction.acknowledge(_:of:)`"
    )
}

extension Progress {
    /// The offsets to commit once these messages are done too.
    ///
    /// A message that were done while one before it isn't would come again together with that one, and what was written for it would
    /// be written twice: so only the first ones of each partition may be done.
    func offsets(after done: [Stretch]) throws(MsgBusError) -> [TopicPartition: Int64] {
        var offsets: [TopicPartition: Int64] = [:]
        for (partition, done) in Dictionary(grouping: done, by: \.partition) {
            func wrong(_ code: MsgBusError.Code, _ offset: Int64, _ reason: String) -> MsgBusError {
                var error = MsgBusError(code, reason, topic: partition.topic, partition: partition.partition)
                error.offset = offset
                return error
            }
            let state = partitions.first { $0.id == partition }?.state
            var open = state?.open ?? OpenOffsets()
            let epoch = done.map(\.epoch).min() ?? 0
            for offset in Set(done.flatMap(\.offsets)).sorted() {
                guard let state, epoch >= state.positioned, offset < state.next ?? 0 else {
                    let reason =
                        "the group took the partition back, or the reader went elsewhere, since the message was read: it comes again"
                    throw wrong(.rebalance, offset, reason)
                }
                guard let first = open.first, offset >= first else {
                    throw wrong(
                        .state,
                        offset,
                        "the message is done already: a transaction before is committed with it"
                    )
                }
                guard offset == first else {
                    let reason = "the message can't be acknowledged before the one with the offset \(first)"
                    throw wrong(.state, offset, reason)
                }
                open.finish(offset..<(offset + 1))
            }
            offsets[partition] = open.first ?? state?.next
        }
        return offsets
    }

    /// Where a group that had no offset starts, as far as that isn't committed.
    var uncommittedStarts: [TopicPartition: Int64] {
        var offsets: [TopicPartition: Int64] = [:]
        for (id, state) in partitions where state.committed == nil { offsets[id] = state.start }
        return offsets
    }
}
