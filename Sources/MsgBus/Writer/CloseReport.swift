/// What became of the messages of a writer that was closed.
public struct CloseReport: Sendable, Hashable {
    /// How many of its messages brokers have acknowledged, since it was connected; not those of transactions that were aborted.
    public var delivered: Int

    /// How many of the messages that it had accepted were not delivered, since it was connected. Each was reported, by its write or
    /// to ``WriterOptions/onUndelivered``, or belongs to a transaction that was aborted.
    public var undelivered: Int

    /// How many of the undelivered ones were given up by the close itself, since its time was over.
    public var abandoned: Int
}
