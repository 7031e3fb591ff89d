// The partitions of a reader: which there are, where they stand, and which of them wait.
extension ReaderState {
    // MARK: Assignment

    /// The partitions that the reader has.
    var assignment: [TopicPartition] { flows.filter { !$0.value.isLeaving }.keys.sorted() }

    /// Partitions were assigned; for those where the group has no offset yet, where it starts.
    mutating func assigned(
        _ partitions: some Sequence<TopicPartition>,
        at offsets: [TopicPartition: Int64] = [:],
        committed: [TopicPartition: Int64] = [:],
        startingAt starts: [TopicPartition: Int64] = [:]
    ) {
        epoch += 1
        for partition in partitions { flows[partition] = Flow(epoch: epoch, next: offsets[partition] ?? -1) }
        if isGroup { progress.begin(partitions, committed: committed, startingAt: starts, epoch: epoch) }
        if !starts.isEmpty { hasNews = true }
    }

    /// Stops the flow, and forgets the messages of partitions that are about to go; what of them is done can still be committed.
    mutating func revoking(_ partitions: [TopicPartition]) {
        suspensions += 1
        let gone = Set(partitions)
        for partition in gone { flows[partition]?.isLeaving = true }
        buffer.drop(gone.contains)
        redelivery.withhold(gone.contains)
    }

    mutating func revoked(_ partitions: [TopicPartition]) {
        suspensions -= 1
        forget(partitions)
    }

    mutating func forget(_ partitions: some Sequence<TopicPartition>) {
        progress.end(partitions)
        redelivery.drop(Set(partitions).contains)
        for partition in partitions { flows[partition] = nil }
    }

    // MARK: What arrives

    /// Messages were added to the buffer, and partitions reached their end.
    mutating func arrived(_ batch: RecordBatch, _ ends: [TopicPartition: Int64]) {
        var isHeld = false
        for run in batch.runs {
            guard let flow = flows[run.partition] else { continue }
            if flow.isHeld { isHeld = true } else { flows[run.partition]!.next = run.next }
        }
        // They were on their way when the partition was stopped, and are fetched again when it goes on.
        if isHeld {
            let firsts = buffer.drop { [flows] in flows[$0]?.isHeld == true }
            // Only now it is known where "the beginning" was.
            for (partition, first) in firsts where flows[partition]!.next < 0 { flows[partition]!.next = first }
        }
        for (partition, end) in ends {
            guard let flow = flows[partition], !flow.isHeld else { continue }
            flows[partition]!.next = max(flow.next, end)
            flows[partition]!.end = end
            hasEnds = true
        }
    }

    /// The partitions whose end was reached, and whose messages have all been taken.
    mutating func takeCaughtUp() -> [TopicPartition] {
        guard hasEnds, buffer.isEmpty else { return [] }
        hasEnds = false
        var partitions: [TopicPartition] = []
        for (partition, flow) in flows where flow.end != nil {
            partitions.append(partition)
            flows[partition]!.end = nil
        }
        return partitions.sorted()
    }

    // MARK: Positions

    /// The offset of the next message that a read would get; below zero where only librdkafka knows.
    func positions() -> [TopicPartition: Int64] {
        var rest = buffer
        let firsts = rest.drop { _ in true }
        return flows.mapValues(\.next).merging(firsts) { $1 }
    }

    /// Partitions go on elsewhere; the flow is suspended.
    mutating func seek(to offsets: [TopicPartition: Int64]) {
        move(to: offsets)
        guard isGroup else { return }
        for (partition, offset) in offsets { progress.seek(partition, to: offset, epoch: epoch) }
        hasNews = true
    }

    /// Partitions go back to what the group has committed; the flow is suspended.
    mutating func rewind(to offsets: [TopicPartition: Int64], _ committed: [TopicPartition: Int64]) {
        move(to: offsets)
        for (partition, offset) in offsets {
            progress.rewind(partition, to: offset, committed: committed[partition], epoch: epoch)
        }
    }

    private mutating func move(to offsets: [TopicPartition: Int64]) {
        epoch += 1
        let partitions = Set(offsets.keys)
        buffer.drop(partitions.contains)
        redelivery.drop(partitions.contains)
        for (partition, offset) in offsets where flows[partition] != nil {
            flows[partition]!.epoch = epoch
            flows[partition]!.next = offset
            flows[partition]!.end = nil
            if flows[partition]!.isRetrying { release(partition) }
        }
    }

    // MARK: Stopping and going on

    mutating func pause(_ partitions: some Sequence<TopicPartition>) {
        for partition in partitions { hold(partition) { $0.isPaused = true } }
    }

    mutating func resume(_ partitions: some Sequence<TopicPartition>) {
        for partition in partitions where flows[partition]?.isPaused == true {
            flows[partition]!.isPaused = false
            goOn(partition)
        }
    }

    /// Nothing of it comes until the failed message has been tried again.
    mutating func holdForRetry(_ partition: TopicPartition) {
        hold(partition) { $0.isRetrying = true }
    }

    mutating func release(_ partition: TopicPartition) {
        guard flows[partition]?.isRetrying == true else { return }
        flows[partition]!.isRetrying = false
        goOn(partition)
    }

    private mutating func hold(_ partition: TopicPartition, _ change: (inout Flow) -> Void) {
        guard let flow = flows[partition] else { return }
        change(&flows[partition]!)
        guard !flow.isPaused, !flow.isRetrying else { return }
        let first = buffer.drop { $0 == partition }[partition]
        flows[partition]!.next = first ?? flow.next
        flowChanges.go.remove(partition)
        flowChanges.stop.insert(partition)
    }

    private mutating func goOn(_ partition: TopicPartition) {
        guard let flow = flows[partition], !flow.isPaused, !flow.isRetrying else { return }
        flowChanges.stop.remove(partition)
        flowChanges.go.insert(partition)
        flows[partition]!.isReturning = true
    }

    /// What is to be told to librdkafka; the flow is suspended from now on, until ``flowsChanged(_:)``.
    mutating func beginFlowChanges() -> (changes: FlowChanges, positions: [TopicPartition: Int64]) {
        suspensions += 1
        defer { flowChanges = FlowChanges() }
        let positions = flowChanges.go.reduce(into: [:]) { $0[$1] = flows[$1]?.next }
        return (flowChanges, positions)
    }

    /// librdkafka has done it.
    mutating func flowsChanged(_ changes: FlowChanges) {
        suspensions -= 1
        for partition in changes.stop { flows[partition]?.isStopped = true }
        for partition in changes.go {
            flows[partition]?.isStopped = false
            // Or it was stopped again meanwhile, and stands where it stood.
            if !flowChanges.go.contains(partition) { flows[partition]?.isReturning = false }
        }
    }

    /// librdkafka couldn't: it will be tried again.
    mutating func flowChangesFailed(_ changes: FlowChanges) {
        suspensions -= 1
        flowChanges.isScheduled = true
        flowChanges.stop.formUnion(changes.stop.filter { flows[$0]?.isHeld == true })
        flowChanges.go.formUnion(changes.go.filter { flows[$0] != nil && !flowChanges.stop.contains($0) })
    }

    /// The partitions that librdkafka was told to pause, of these.
    func stopped(of partitions: [TopicPartition]) -> [TopicPartition] {
        partitions.filter { flows[$0]?.isStopped == true }
    }
}
