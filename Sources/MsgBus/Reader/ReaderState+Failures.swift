// Messages that failed.
extension ReaderState {
    /// What becomes of a message that failed.
    enum Verdict {
        /// Nothing: it stays unacknowledged.
        case leave
        case retry(after: Duration)
        case deadLetter(topic: String)
        case stop
        case skip
    }

    /// Rejected messages come again even without a policy.
    private static let patience = FailurePolicy.retry(.max, then: .stop)

    /// Decides on a message that failed, in a callback or by the application's word.
    mutating func failed(_ message: Message, inCallback: Bool) -> (verdict: Verdict, failures: Int) {
        let partition = message.topicPartition
        guard phase == .open, owns(message), let policy = policy ?? (inCallback ? nil : Self.patience) else {
            return (.leave, 1)
        }
        let failures = redelivery.count(message)
        if failures <= policy.retries {
            let pause = policy.pause(after: failures)
            redelivery.schedule(message, at: .now + pause)
            if inCallback { holdForRetry(partition) }
            return (.retry(after: pause), failures)
        }
        switch policy.outcome {
        case .stop:
            return (.stop, failures)
        case .skip:
            settle(message)
            return (.skip, failures)
        case .deadLetter(let topic):
            if inCallback { holdForRetry(partition) }
            return (.deadLetter(topic: topic), failures)
        }
    }

    func owns(_ message: Message) -> Bool {
        guard isGroup else { return flows[message.topicPartition] != nil }
        return progress.owns(message.topicPartition, epoch: message.batch.epoch)
    }

    /// A message is done without the application: it was skipped or set aside.
    mutating func settle(_ message: Message) {
        let partition = message.topicPartition
        if isGroup, progress.finish(partition, message.offset, epoch: message.batch.epoch) { hasNews = true }
        settled(partition, message.offset)
    }

    /// A message is done: if it had failed before, its partition goes on.
    mutating func settled(_ partition: TopicPartition, _ offset: Int64) {
        guard !redelivery.isEmpty, redelivery.forget(partition, offset) else { return }
        release(partition)
    }
}
