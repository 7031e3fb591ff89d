// Where a reader stands. Each call that asks the cluster has a deadline of its own.
extension KafkaReader {
    /// The partitions that the reader has right now; none once it is closed. Never blocks.
    public var assignment: [TopicPartition] { core.isClosed ? [] : core.assignment }

    /// For each partition, the offset of the next message that a read gets.
    ///
    /// - Parameter timeout: How long at most to ask the cluster, for partitions of which nothing has come yet.
    /// - Throws: `.closed`, `.timeout`, `.cancelled`; what the broker says.
    public func position(timeout: Duration = .seconds(10)) async throws(MsgBusError) -> [TopicPartition: Int64] {
        try await core.positions(by: .after(timeout))
    }

    /// For each partition, what the group has committed: the offset of the next message to read. Partitions without are missing.
    ///
    /// - Parameter timeout: How long at most.
    /// - Throws: `.state` for a private reader; otherwise as ``position(timeout:)``.
    public func committed(timeout: Duration = .seconds(10)) async throws(MsgBusError) -> [TopicPartition: Int64] {
        try await core.committed(within: timeout)
    }

    /// For each partition, how many offsets there are from the next message that a read gets to the end.
    ///
    /// Of a transactional or compacted topic not every offset is a message, so it is at most that many.
    ///
    /// - Parameter timeout: How long at most.
    /// - Throws: As ``position(timeout:)``.
    public func lag(timeout: Duration = .seconds(10)) async throws(MsgBusError) -> [TopicPartition: Int64] {
        let deadline = Moment.after(timeout)
        let ends = try await core.offsets(ConsumerClient.end, of: core.assignment, by: deadline)
        let positions = try await core.positions(by: deadline)
        var lag: [TopicPartition: Int64] = [:]
        for (partition, position) in positions {
            if let end = ends[partition] { lag[partition] = max(0, end - position) }
        }
        return lag
    }

    /// For each partition, the offset of the oldest message and the offset after the newest.
    ///
    /// - Parameter timeout: How long at most.
    /// - Throws: As ``position(timeout:)``.
    public func watermarks(timeout: Duration = .seconds(10)) async throws(MsgBusError) -> [TopicPartition: Range<Int64>]
    {
        let (partitions, deadline) = (core.assignment, Moment.after(timeout))
        let low = try await core.offsets(ConsumerClient.beginning, of: partitions, by: deadline)
        let high = try await core.offsets(ConsumerClient.end, of: partitions, by: deadline)
        return low.reduce(into: [:]) { marks, mark in
            marks[mark.key] = mark.value..<max(mark.value, high[mark.key] ?? 0)
        }
    }

    /// For each partition, the offset of the first message that is not older than a time. Partitions without one are missing.
    ///
    /// - Parameters:
    ///   - time: The time of the messages, as ``Message/timestamp`` has it.
    ///   - timeout: How long at most.
    /// - Throws: As ``position(timeout:)``.
    public func offsets(
        at time: MessageTimestamp,
        timeout: Duration = .seconds(10)
    ) async throws(MsgBusError) -> [TopicPartition: Int64] {
        try await core.offsets(max(0, time.millisecondsSince1970), of: core.assignment, by: .after(timeout))
    }

    /// Goes on reading somewhere else. When it returns, the next message is the one that is there.
    ///
    /// In a group the new place is committed as if messages had led there; acknowledging a message that was read before has no
    /// effect any more. A loop or callback just goes on, there.
    ///
    /// - Parameters:
    ///   - position: Where to. An offset that doesn't exist any more is the oldest one that does.
    ///   - partitions: Which of the reader's partitions; nil for all, which is also the default. Only for positions that don't name
    ///     partitions themselves.
    ///   - timeout: How long at most to ask the cluster for the place.
    /// - Throws: `.unknownPartition` for one that the reader doesn't have; `.offset` for a negative one; `.closed`, `.timeout`,
    ///   `.cancelled`. Then reading goes on as before.
    public func seek(
        to position: SeekPosition,
        partitions: [TopicPartition]? = nil,
        timeout: Duration = .seconds(10)
    ) async throws(MsgBusError) {
        try await core.seek(to: position, partitions, within: timeout)
    }

    /// Stops the flow of some partitions; others go on. What of them waits in the reader comes again after ``resume(_:)``.
    ///
    /// The reader stays in its group. A partition that the group moves away and back is not paused any more.
    ///
    /// - Parameter partitions: Which of the reader's; nil for all, which is also the default.
    /// - Throws: `.unknownPartition` for one that the reader doesn't have; `.closed`.
    public func pause(_ partitions: [TopicPartition]? = nil) throws(MsgBusError) { try core.pause(partitions) }

    /// Lets paused partitions flow again, from where they were stopped.
    ///
    /// - Parameter partitions: Which of the reader's; nil for all. Those that aren't paused stay as they are.
    /// - Throws: As ``pause(_:)``.
    public func resume(_ partitions: [TopicPartition]? = nil) throws(MsgBusError) { try core.resume(partitions) }
}
