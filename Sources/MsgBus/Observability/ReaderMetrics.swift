internal import CoreMetrics
internal import Synchronization

/// What is counted of a reader, where the process has metrics.
final class ReaderMetrics: Sendable {
    let connection: ConnectionMetrics
    private let messages: Counter
    private let bytes: Counter
    private let queuedMessages: Level
    private let queuedBytes: Level
    /// The partitions whose lag is shown.
    private let shown = Mutex<Set<TopicPartition>>([])

    init(_ connection: ConnectionMetrics) {
        self.connection = connection
        messages = connection.counter("reader.messages")
        bytes = connection.counter("reader.bytes")
        queuedMessages = connection.level("reader.queue.messages")
        queuedBytes = connection.level("reader.queue.bytes")
    }

    func received(_ batch: RecordBatch) {
        messages.increment(by: batch.records.count)
        bytes.increment(by: batch.byteCount)
    }

    func setQueue(messages: Int, bytes: Int) {
        queuedMessages.set(messages)
        queuedBytes.set(bytes)
    }

    /// Sets the lag of the partitions that the reader has. Those that it has no more go: another reader shows them.
    func setLags(_ lags: [TopicPartition: Int64]) {
        let gone = shown.withLock { shown in
            defer { shown = Set(lags.keys) }
            return shown.subtracting(lags.keys)
        }
        for partition in gone { makeMeter(partition).destroy() }
        // Made anew each time, which gets the one that is there: whose partition this was may have destroyed it.
        for (partition, lag) in lags { makeMeter(partition).set(lag) }
    }

    private func makeMeter(_ partition: TopicPartition) -> Meter {
        var dimensions = connection.dimensions.filter { $0.0 != "topic" }
        dimensions += [("topic", partition.topic), ("partition", "\(partition.partition)")]
        return Meter(label: "msgbus.reader.lag", dimensions: dimensions, factory: connection.factory)
    }
}
