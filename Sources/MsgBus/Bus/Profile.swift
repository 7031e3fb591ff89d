/// What a connection is to be good at: values for some options at once, see ``MsgBusConfig/use(_:)``.
///
/// | | `balanced` | `throughput` | `lowLatency` |
/// |---|---|---|---|
/// | ``WriterOptions/linger`` | 0 | 20 ms | 0 |
/// | ``WriterOptions/compression`` | none | lz4 | none |
/// | ``WriterOptions/bufferMessages`` | 100,000 | 1,000,000 | 100,000 |
/// | ``WriterOptions/bufferBytes`` | 256 MiB | 512 MiB | 256 MiB |
/// | `batch.num.messages` | 10,000 | 100,000 | 10,000 |
/// | `sticky.partitioning.linger.ms` | 10 | 40 | 0 |
/// | ``ReaderOptions/queueMessages`` | 10,000 | 50,000 | 10,000 |
/// | ``ReaderOptions/queueBytes`` | 16 MiB | 64 MiB | 16 MiB |
/// | ``ReaderOptions/prefetchBytes`` | 64 MiB | 256 MiB | 64 MiB |
/// | `fetch.min.bytes` | 1 | 65,536 | 1 |
/// | `fetch.wait.max.ms` | 500 | 100 | 500 |
///
/// What no profile touches is safety: acknowledgements, idempotence and offsets are the same in all.
public enum Profile: Sendable, Hashable, CaseIterable {
    /// The defaults: a message goes at once, and messages that come together travel together.
    case balanced
    /// Many messages a second matter more than some milliseconds for each.
    case throughput
    /// Each message as soon as possible, whatever that costs the broker: messages without a key spread over the partitions one by one.
    case lowLatency
}

extension MsgBusConfig {
    /// Sets the options and properties that a profile names, for this configuration's direction; each can be changed afterwards.
    ///
    /// - Parameter profile: What to be good at. A new configuration is ``Profile/balanced``.
    public mutating func use(_ profile: Profile) {
        let writer = WriterOptions()
        let reader = ReaderOptions()
        let isThroughput = profile == .throughput
        switch direction {
        case .writer:
            self.writer.linger = isThroughput ? .milliseconds(20) : writer.linger
            self.writer.compression = isThroughput ? .lz4 : writer.compression
            self.writer.bufferMessages = isThroughput ? 1_000_000 : writer.bufferMessages
            self.writer.bufferBytes = isThroughput ? 512 << 20 : writer.bufferBytes
            properties["batch.num.messages"] = isThroughput ? "100000" : nil
            properties["sticky.partitioning.linger.ms"] =
                switch profile {
                case .balanced, .throughput: nil
                case .lowLatency: "0"
                }
        case .reader:
            self.reader.queueMessages = isThroughput ? 50_000 : reader.queueMessages
            self.reader.queueBytes = isThroughput ? 64 << 20 : reader.queueBytes
            self.reader.prefetchBytes = isThroughput ? 256 << 20 : reader.prefetchBytes
            properties["fetch.min.bytes"] = isThroughput ? "65536" : nil
            properties["fetch.wait.max.ms"] = isThroughput ? "100" : nil
        }
    }
}
