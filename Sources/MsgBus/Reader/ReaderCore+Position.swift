internal import Dispatch
internal import Synchronization

// Where a reader stands in its partitions, and going somewhere else.
extension ReaderCore {
    /// The partitions that the reader has.
    var assignment: [TopicPartition] { state.withLock { $0.assignment } }

    var isClosed: Bool { state.withLock { $0.phase != .open } }

    // MARK: Asking

    /// Asks the cluster something, on `work`, until it has answered or the time is over. In between others may use `work`.
    func ask<Value: Sendable>(
        by deadline: Moment,
        _ body: @escaping @Sendable (Duration) throws(MsgBusError) -> Value
    ) async throws(MsgBusError) -> Value {
        while true {
            if Task.isCancelled { throw MsgBusError(.cancelled, "the task was cancelled while it asked the cluster") }
            do throws(MsgBusError) {
                return try await onWork(by: deadline) { () throws(MsgBusError) in
                    let left = max(.zero, Moment.now.duration(to: deadline))
                    return try body(min(left, .seconds(1)))
                }
            } catch {
                guard error.isRetriable, Moment.now < deadline else { throw error }
            }
            // What the cluster has no answer to yet, it doesn't tell when it has.
            try? await Task.sleep(for: .milliseconds(20))
        }
    }

    /// Makes a call on `work` while the reader is open; waits for it until the deadline, for others may be at work.
    func onWork<Value: Sendable>(
        by deadline: Moment? = nil,
        _ body: @escaping @Sendable () throws(MsgBusError) -> Value
    ) async throws(MsgBusError) -> Value {
        let answer = OneShot<Result<Value, MsgBusError>>()
        client.work.async { [self] in
            // Nobody waits for it any more.
            guard answer.valueIfDone == nil else { return }
            do throws(MsgBusError) {
                try state.withLock { state throws(MsgBusError) in try state.checkOpen() }
                answer.resolve(.success(try body()))
            } catch {
                answer.resolve(.failure(error))
            }
        }
        if let deadline {
            answer.resolve(at: deadline, on: client.loop.queue) {
                .failure(MsgBusError(.timeout, "the cluster didn't answer in time", isRetriable: true))
            }
        }
        return try await answer.value().get()
    }

    func offsets(
        _ mark: Int64,
        of partitions: [TopicPartition],
        by deadline: Moment
    ) async throws(MsgBusError) -> [TopicPartition: Int64] {
        guard !partitions.isEmpty else { return [:] }
        let wanted = Dictionary(partitions.map { ($0, mark) }) { $1 }
        return try await ask(by: deadline) { [consumer] slice throws(MsgBusError) in
            try consumer.offsets(for: wanted, within: slice)
        }
    }

    func positions(by deadline: Moment) async throws(MsgBusError) -> [TopicPartition: Int64] {
        let positions = try state.withLock { state throws(MsgBusError) in
            try state.checkOpen()
            return state.positions()
        }
        // Nothing has come yet, and librdkafka was told to begin with the oldest.
        let unknown = positions.filter { $0.value < 0 }.keys
        let begins = try await offsets(ConsumerClient.beginning, of: Array(unknown), by: deadline)
        return positions.filter { $0.value >= 0 }.merging(begins) { $1 }
    }

    func committed(within time: Duration) async throws(MsgBusError) -> [TopicPartition: Int64] {
        guard config.groupID != nil else {
            throw MsgBusError(.state, "a private reader commits nothing: set groupID", topic: config.topic)
        }
        let partitions = try state.withLock { state throws(MsgBusError) in
            try state.checkOpen()
            return state.assignment
        }
        guard !partitions.isEmpty else { return [:] }
        return try await ask(by: .after(time)) { [consumer] slice throws(MsgBusError) in
            try consumer.committed(partitions, within: slice)
        }
    }

    // MARK: Going somewhere else

    func seek(
        to position: SeekPosition,
        _ chosen: [TopicPartition]?,
        within time: Duration
    ) async throws(MsgBusError) {
        let partitions = chosen ?? assignment
        for partition in partitions { try checkAssigned(partition) }
        let deadline = Moment.after(time)
        let offsets: [TopicPartition: Int64]
        switch position {
        case .beginning:
            offsets = try await self.offsets(ConsumerClient.beginning, of: partitions, by: deadline)
        case .end:
            offsets = try await self.offsets(ConsumerClient.end, of: partitions, by: deadline)
        case .time(let first):
            let ends = try await self.offsets(ConsumerClient.end, of: partitions, by: deadline)
            let found = try await self.offsets(max(0, first.millisecondsSince1970), of: partitions, by: deadline)
            offsets = ends.merging(found) { $1 }
        case .offset(let offset, let partition):
            offsets = [TopicPartition(topic: config.topic, partition: partition): offset]
        case .offsets(let given):
            offsets = given
        }
        for (partition, offset) in offsets {
            try checkAssigned(partition)
            guard offset >= 0 else {
                throw MsgBusError(
                    .offset,
                    "there is no offset \(offset): they count from 0",
                    topic: partition.topic,
                    partition: partition.partition
                )
            }
        }
        try await onWork { [self] () throws(MsgBusError) in try seek(offsets) { $0.seek(to: $1) } }
    }

    private func checkAssigned(_ partition: TopicPartition) throws(MsgBusError) {
        guard state.withLock({ $0.phase != .open || $0.flows[partition] != nil }) else {
            throw MsgBusError(
                .unknownPartition,
                "the reader doesn't have the partition: it has \(assignment)",
                topic: partition.topic,
                partition: partition.partition
            )
        }
    }

    /// Has partitions go on elsewhere, in librdkafka and then in the state. On `work`.
    func seek(
        _ offsets: [TopicPartition: Int64],
        _ change: (inout ReaderState, [TopicPartition: Int64]) -> Void
    ) throws(MsgBusError) {
        // A turn of the loop that had begun before may be taking messages of before.
        client.loop.queue.sync { state.withLock { $0.suspensions += 1 } }
        defer {
            let effects = state.withLock { state in
                state.suspensions -= 1
                return state.effects()
            }
            apply(effects)
            client.loop.signal(.messages)
        }
        // Those that wait are sought when they go on.
        let flowing = offsets.filter { partition, _ in state.withLock { $0.flows[partition]?.isHeld == false } }
        try consumer.seek(flowing, within: .seconds(5))
        state.withLock { change(&$0, offsets) }
    }

    // MARK: Stopping and going on

    func pause(_ partitions: [TopicPartition]?) throws(MsgBusError) {
        try changeFlow(partitions) { $0.pause($1) }
    }

    func resume(_ partitions: [TopicPartition]?) throws(MsgBusError) {
        try changeFlow(partitions) { $0.resume($1) }
        // What was due meanwhile.
        redeliver()
    }

    private func changeFlow(
        _ chosen: [TopicPartition]?,
        _ body: (inout ReaderState, [TopicPartition]) -> Void
    ) throws(MsgBusError) {
        let partitions = chosen ?? assignment
        for partition in partitions { try checkAssigned(partition) }
        let effects = try state.withLock { state throws(MsgBusError) in
            try state.checkOpen()
            body(&state, partitions)
            return state.effects()
        }
        apply(effects)
    }

    /// Tells librdkafka which partitions stop and which go on. On `work`.
    func changeFlows() {
        guard !client.isClosed else { return }
        let (changes, positions) = client.loop.queue.sync { state.withLock { $0.beginFlowChanges() } }
        do throws(MsgBusError) {
            try consumer.pause(changes.stop)
            try consumer.resume(changes.go)
            try consumer.seek(positions.filter { $0.value >= 0 }, within: .seconds(2))
            state.withLock { $0.flowsChanged(changes) }
        } catch {
            log.info("can't stop or go on with partitions: \(error); trying again")
            state.withLock { $0.flowChangesFailed(changes) }
            client.work.asyncAfter(deadline: .now() + .milliseconds(100)) { self.changeFlows() }
        }
        client.loop.signal(.messages)
    }

    /// Partitions that are given up shall not come back stopped. On `work`.
    func resumeAll(_ partitions: [TopicPartition]) {
        let stopped = state.withLock { $0.stopped(of: partitions) }
        try? consumer.resume(Set(stopped))
    }
}
