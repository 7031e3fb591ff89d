internal import CoreMetrics

/// What is counted of a writer, where the process has metrics.
final class WriterMetrics: Sendable {
    let connection: ConnectionMetrics
    private let messages: Counter
    private let bytes: Counter
    private let deliveryTime: Timer
    private let queuedMessages: Level
    private let queuedBytes: Level

    init(_ connection: ConnectionMetrics) {
        self.connection = connection
        messages = connection.counter("writer.messages")
        bytes = connection.counter("writer.bytes")
        deliveryTime = connection.timer("writer.delivery.time")
        queuedMessages = connection.level("writer.queue.messages")
        queuedBytes = connection.level("writer.queue.bytes")
    }

    func record(_ reports: DeliveryReports) {
        var delivered = (messages: 0, bytes: 0)
        for run in reports.unwatched {
            delivered.messages += run.count
            delivered.bytes += run.bytes
            record(run.latency)
        }
        for report in reports.watched {
            if let failure = report.failure {
                connection.count("writer.failures", code: failure.error.code)
            } else {
                delivered.messages += 1
                delivered.bytes += report.size
                record(report.latency)
            }
        }
        guard delivered.messages > 0 else { return }
        messages.increment(by: delivered.messages)
        bytes.increment(by: delivered.bytes)
    }

    func setQueue(messages: Int, bytes: Int) {
        queuedMessages.set(messages)
        queuedBytes.set(bytes)
    }

    private func record(_ latency: Duration) {
        let (seconds, attoseconds) = latency.components
        deliveryTime.recordNanoseconds(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
    }
}
