/// The messages that wait to be taken, in order, with what they weigh.
struct MessageBuffer {
    /// What is left of a batch, or of a part of it.
    private struct Chunk {
        let batch: RecordBatch
        var range: Range<Int>
        var byteCount: Int
        /// The run that the first one is in.
        var run: Int

        init(_ batch: RecordBatch, _ range: Range<Int>, byteCount: Int) {
            self.batch = batch
            self.range = range
            self.byteCount = byteCount
            run = batch.runIndex(at: range.lowerBound)
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

    mutating func append(_ batch: RecordBatch) {
        guard batch.count > 0 else { return }
        append(Chunk(batch, 0..<batch.count, byteCount: batch.byteCount))
    }

    private mutating func append(_ chunk: Chunk) {
        chunks.append(chunk)
        count += chunk.range.count
        byteCount += chunk.byteCount
    }

    mutating func popFirst() -> Message? {
        guard count > 0 else { return nil }
        if current == nil { current = chunks.popFirst() }
        let batch = current!.batch
        let index = current!.range.lowerBound
        let run = batch.runs[current!.run]
        let size = batch.records.size(at: index)
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
            batch: batch,
            index: index,
            partition: run.partition.partition,
            offset: run.offset(at: index)
        )
    }

    /// Takes messages that follow each other in one batch of records, at most so many.
    mutating func popFirst(upTo limit: Int) -> (batch: RecordBatch, range: Range<Int>)? {
        guard count > 0, limit > 0 else { return nil }
        if current == nil { current = chunks.popFirst() }
        let chunk = current!
        let range = chunk.range.prefix(limit)
        let end = range.endIndex
        var bytes = chunk.byteCount
        if end == chunk.range.upperBound {
            current = nil
        } else {
            bytes = chunk.batch.records.size(at: chunk.range.lowerBound..<end)
            current = Chunk(chunk.batch, end..<chunk.range.upperBound, byteCount: chunk.byteCount - bytes)
        }
        let taken = chunk.range.lowerBound..<end
        count -= taken.count
        self.taken += taken.count
        byteCount -= bytes
        return (chunk.batch, taken)
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
        for run in chunk.batch.runs[chunk.run...] where run.range.overlaps(chunk.range) {
            let range = run.range.clamped(to: chunk.range)
            if isDropped(run.partition) {
                if firsts[run.partition] == nil { firsts[run.partition] = run.offset(at: range.lowerBound) }
            } else {
                append(Chunk(chunk.batch, range, byteCount: chunk.batch.records.size(at: range)))
            }
        }
    }
}
