internal import CoreMetrics
internal import Synchronization

/// What is counted of a reader, where the process has metrics.
final class ReaderMetrics: Sendable {
    let connection: ConnectionMetrics
    private let messages: Counter
    private let bytes: Counter
    private let queuedMessages: Level
    private let queuedBytes: Level
    private let lags = Mutex<[TopicPartition: Meter]>([:])

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
    func setLags(_ new: [TopicPartition: Int64]) {
        lags.withLock { lags in
            for (partition, meter) in lags where new[partition] == nil {
                meter.destroy()
                lags[partition] = nil
            }
            for (partition, lag) in new {
                let meter = lags[partition] ?? makeMeter(partition)
                lags[partition] = meter
                meter.set(lag)
            }
        }
    }

    private func makeMeter(_ partition: TopicPartition) -> Meter {
        var dimensions = connection.dimensions.filter { $0.0 != "topic" }
        dimensions += [("topic", partition.topic), ("partition", "\(partition.partition)")]
        return Meter(label: "msgbus.reader.lag", dimensions: dimensions, factory: connection.factory)
    }
}
