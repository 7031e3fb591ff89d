// What a reader reads besides its configuration's topic.
extension KafkaReader {
    /// The topics and patterns that the reader is subscribed to. Never blocks.
    public var subscription: [String] { core.membership.subscribed }

    /// Reads further topics too. When it returns, nothing that is sent to them from then on is missed.
    ///
    /// They begin where ``ReaderOptions/startFrom`` says. In a group this has all members share the partitions anew, which takes
    /// some seconds; the members need not read the same topics.
    ///
    /// - Parameters:
    ///   - topics: Names of topics that exist, and regular expressions, which begin with `^`: all topics that match, those included
    ///     that come into being later (found after ``ReaderOptions/partitionDiscoveryInterval``, and read from their beginning). In
    ///     a group librdkafka evaluates them, as POSIX extended expressions; else they are Swift's. Kafka's internal topics are
    ///     never meant. What the reader is subscribed to already is ignored.
    ///   - timeout: How long at most.
    /// - Throws: `.configuration` for a name or an expression that isn't one; `.unknownTopic`; `.timeout`; `.state` when the reader
    ///   has chosen partitions; `.closed`.
    public func subscribe(to topics: [String], timeout: Duration = .seconds(30)) async throws(MsgBusError) {
        try await core.change(within: timeout) { subscription throws(MsgBusError) in try subscription.add(topics) }
    }

    /// Stops reading topics. When it returns, no message of theirs comes any more; in a group what was done is committed.
    ///
    /// - Parameters:
    ///   - topics: What ``subscribe(to:timeout:)`` or the configuration named: names, or expressions as they were written.
    ///   - timeout: How long at most.
    /// - Throws: `.state` for what the reader isn't subscribed to, or if nothing were left; `.timeout`; `.closed`.
    public func unsubscribe(from topics: [String], timeout: Duration = .seconds(30)) async throws(MsgBusError) {
        try await core.change(within: timeout) { subscription throws(MsgBusError) in try subscription.remove(topics) }
    }
}
