/// Messages that were read together: per partition in order.
public struct MessageBatch: Sendable, RandomAccessCollection {
    /// Messages that follow each other in one batch of records.
    struct Chunk: Sendable {
        let batch: RecordBatch
        let range: Range<Int>
        /// How many messages come before.
        let start: Int
    }

    private(set) var chunks: [Chunk] = []

    /// How many messages there are.
    public private(set) var count = 0

    mutating func append(_ batch: RecordBatch, _ range: Range<Int>) {
        chunks.append(Chunk(batch: batch, range: range, start: count))
        count += range.count
    }

    /// The position of the first message.
    public var startIndex: Int { 0 }

    /// The position after the last message.
    public var endIndex: Int { count }

    /// The message at a position.
    public subscript(position: Int) -> Message {
        precondition(position >= 0 && position < count, "the batch has \(count) messages, and none at \(position)")
        let chunk = chunks[chunkIndex(of: position)]
        return chunk.batch.message(at: chunk.range.lowerBound + position - chunk.start)
    }

    /// Which chunk a position is in.
    func chunkIndex(of position: Int) -> Int {
        var low = 0
        var high = chunks.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if chunks[middle].start <= position { low = middle } else { high = middle }
        }
        return low
    }
}
