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

    /// Decides on a message that failed, in a callback or by the application's word; nil when that was known already.
    mutating func failed(_ message: Message, inCallback: Bool) -> (verdict: Verdict, failures: Int)? {
        let partition = message.topicPartition
        guard phase == .open, owns(message), let policy = policy ?? (inCallback ? nil : Self.patience) else {
            return (.leave, 1)
        }
        guard let failures = redelivery.count(message) else { return nil }
        if failures <= policy.retries {
            let pause = policy.pause(after: failures)
            redelivery.schedule(message, at: .after(pause))
            if inCallback { holdForRetry(partition) }
            return (.retry(after: pause), failures)
        }
        switch policy.outcome {
        case .stop:
            redelivery.withhold(message)
            return (.stop, failures)
        case .skip:
            settle(message)
            return (.skip, failures)
        case .deadLetter(let topic):
            redelivery.withhold(message)
            if inCallback { holdForRetry(partition) }
            return (.deadLetter(topic: topic), failures)
        }
    }

    /// Whether a message is still of the partition's current assignment, and since the last seek.
    private func owns(_ message: Message) -> Bool {
        flows[message.topicPartition].map { !$0.isLeaving && message.batch.epoch >= $0.epoch } ?? false
    }

    /// A message that failed and is due, if there is one.
    var due: Message? {
        redelivery.isEmpty ? nil : redelivery.firstDue(.now) { [flows] in flows[$0]?.isPaused == false }
    }

    /// How many such messages there are.
    var dueCount: Int {
        redelivery.isEmpty ? 0 : redelivery.countDue(.now) { [flows] in flows[$0]?.isPaused == false }
    }

    /// Hands a message out once more.
    mutating func takeDue(forCallback: Bool) -> Message? {
        guard let message = due else { return nil }
        redelivery.handOut(message)
        // Whoever reads has it now, and what follows may come; a callback has to be done with it first.
        if !forCallback { release(message.topicPartition) }
        return message
    }

    /// A message is done without the application: it was skipped or set aside.
    mutating func settle(_ message: Message) {
        let done = Stretch(message)
        if isGroup, progress.finish(done) { hasNews = true }
        settled(done)
    }

    /// A message is done: if it had failed before, its partition goes on.
    mutating func settled(_ done: Stretch) {
        let partition = done.partition
        // One of before a seek says nothing about its double of after it.
        guard !redelivery.isEmpty, let flow = flows[partition], done.epoch >= flow.epoch else { return }
        if redelivery.forget(partition, done.offsets.lowerBound) { release(partition) }
    }
}
