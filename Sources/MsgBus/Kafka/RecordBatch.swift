internal import CRdKafka

/// Messages as librdkafka gave them, together, and where they stand.
final class RecordBatch: Sendable {
    let records: Records
    /// The reader's ``ReaderState/epoch`` when it took the batch.
    let epoch: Int
    /// Which records stand where; all of them, in their order.
    let runs: [RecordRun]
    /// Bytes of all keys and values.
    let byteCount: Int

    var count: Int { records.count }

    /// Takes over the records and the memory that holds them.
    init(_ pointer: UnsafeMutablePointer<Records.Record?>, count: Int, epoch: Int, owner: LiveRecords) {
        self.epoch = epoch
        var byteCount = 0
        runs = Self.runs(of: pointer, count, &byteCount)
        self.byteCount = byteCount
        records = Records(pointer, count: count, owner: owner)
        owner.add(records)
    }

    /// A batch of one message with bytes of its own.
    init(copyOf message: Message) {
        epoch = message.batch.epoch
        runs = [RecordRun(partition: message.topicPartition, offset: message.offset, range: 0..<1)]
        byteCount = 0
        records = Records(message.batch.records.copy(at: message.index))
    }

    deinit { records.release() }

    private static func runs(
        of records: UnsafeMutablePointer<Records.Record?>,
        _ count: Int,
        _ byteCount: inout Int
    ) -> [RecordRun] {
        var runs: [RecordRun] = []
        var start = 0
        for index in 0..<count {
            let record = records[index]!.pointee
            byteCount += record.len + record.key_len
            if index + 1 < count {
                let next = records[index + 1]!.pointee
                if next.offset == record.offset + 1, next.partition == record.partition, next.rkt == record.rkt {
                    continue
                }
            }
            let topic = CHandle(record.rkt!)
            let first = records[start]!.pointee
            // Mostly the same as of the run before: then without making its name a string again.
            let isKnown = start > 0 && records[start - 1]!.pointee.rkt == record.rkt
            let name = isKnown ? runs.last!.partition.topic : String(cString: rd_kafka_topic_name(topic.pointer))
            let partition = TopicPartition(topic: name, partition: Int(record.partition))
            runs.append(RecordRun(partition: partition, offset: first.offset, range: start..<(index + 1)))
            start = index + 1
        }
        return runs
    }

    /// The message at a position.
    func message(at index: Int) -> Message {
        let run = run(at: index)
        return Message(
            batch: self,
            index: index,
            partition: run.partition.partition,
            offset: run.offset(at: index)
        )
    }

    /// The run that a position is in.
    func run(at index: Int) -> RecordRun { runs[runIndex(at: index)] }

    func runIndex(at index: Int) -> Int {
        var low = 0
        var high = runs.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if runs[middle].range.lowerBound <= index { low = middle } else { high = middle }
        }
        return low
    }
}
