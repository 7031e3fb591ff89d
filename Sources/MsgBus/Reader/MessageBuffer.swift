/// The messages that wait to be taken, in order, with what they weigh.
struct MessageBuffer {
    /// What is left of a batch, or of a part of it.
    private struct Chunk {
        let records: RecordBatch
        var range: Range<Int>
        var byteCount: Int
        /// The run that the first one is in.
        var run: Int

        init(_ records: RecordBatch, _ range: Range<Int>, byteCount: Int) {
            self.records = records
            self.range = range
            self.byteCount = byteCount
            run = records.runIndex(at: range.lowerBound)
        }
    }

    private var chunks = FIFO<Chunk>()
    /// The chunk that is being taken from: outside of the list, to be changed in place.
    private var current: Chunk?
    private(set) var count = 0
    private(set) var byteCount = 0
    /// How many messages were ever taken.
    private(set) var taken = 0

    var isEmpty: Bool { count == 0 }

    mutating func append(_ records: RecordBatch) {
        guard records.count > 0 else { return }
        append(Chunk(records, 0..<records.count, byteCount: records.byteCount))
    }

    private mutating func append(_ chunk: Chunk) {
        chunks.append(chunk)
        count += chunk.range.count
        byteCount += chunk.byteCount
    }

    mutating func popFirst() -> Message? {
        guard count > 0 else { return nil }
        if current == nil { current = chunks.popFirst() }
        let records = current!.records
        let index = current!.range.lowerBound
        let run = records.runs[current!.run]
        let size = records.size(at: index)
        count -= 1
        taken += 1
        byteCount -= size
        if index + 1 == current!.range.upperBound {
            current = nil
        } else {
            current!.range = (index + 1)..<current!.range.upperBound
            current!.byteCount -= size
            if index + 1 == run.range.upperBound { current!.run += 1 }
        }
        return Message(
            batch: records,
            index: index,
            partition: run.partition.partition,
            offset: run.offset(at: index)
        )
    }

    /// Takes messages that follow each other in one batch of records, at most so many.
    mutating func popFirst(upTo limit: Int) -> (records: RecordBatch, range: Range<Int>)? {
        guard count > 0, limit > 0 else { return nil }
        if current == nil { current = chunks.popFirst() }
        let chunk = current!
        let range = chunk.range.prefix(limit)
        let end = range.endIndex
        var bytes = chunk.byteCount
        if end == chunk.range.upperBound {
            current = nil
        } else {
            bytes = chunk.records.size(at: chunk.range.lowerBound..<end)
            current = Chunk(chunk.records, end..<chunk.range.upperBound, byteCount: chunk.byteCount - bytes)
        }
        let taken = chunk.range.lowerBound..<end
        count -= taken.count
        self.taken += taken.count
        byteCount -= bytes
        return (chunk.records, taken)
    }

    /// Takes out the messages of some partitions.
    ///
    /// - Returns: The offset of the first one of each.
    @discardableResult
    mutating func drop(_ isDropped: (TopicPartition) -> Bool) -> [TopicPartition: Int64] {
        var kept = MessageBuffer()
        kept.taken = taken
        var firsts: [TopicPartition: Int64] = [:]
        if let current { kept.append(current, unless: isDropped, &firsts) }
        while let chunk = chunks.popFirst() { kept.append(chunk, unless: isDropped, &firsts) }
        self = kept
        return firsts
    }

    private mutating func append(
        _ chunk: Chunk,
        unless isDropped: (TopicPartition) -> Bool,
        _ firsts: inout [TopicPartition: Int64]
    ) {
        for run in chunk.records.runs[chunk.run...] where run.range.overlaps(chunk.range) {
            let range = run.range.clamped(to: chunk.range)
            if isDropped(run.partition) {
                if firsts[run.partition] == nil { firsts[run.partition] = run.offset(at: range.lowerBound) }
            } else {
                append(Chunk(chunk.records, range, byteCount: chunk.records.size(at: range)))
            }
        }
    }
}
