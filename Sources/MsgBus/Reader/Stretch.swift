/// Names messages that follow each other in one partition, without keeping them: one, or those that were handed out together.
struct Stretch {
    let partition: TopicPartition
    let offsets: Range<Int64>
    /// When they were taken, see ``ReaderState/epoch``.
    let epoch: Int

    init(_ partition: TopicPartition, _ offsets: Range<Int64>, _ epoch: Int) {
        self.partition = partition
        self.offsets = offsets
        self.epoch = epoch
    }

    init(_ message: Message) {
        self.init(message.topicPartition, message.offset..<(message.offset + 1), message.batch.epoch)
    }
}

extension RecordBatch {
    /// The messages at some positions.
    func stretches(at range: Range<Int>) -> [Stretch] {
        runs[runIndex(at: range.lowerBound)...].prefix { $0.range.lowerBound < range.upperBound }.map { run in
            Stretch(run.partition, run.offsets(at: run.range.clamped(to: range)), epoch)
        }
    }
}
