/// The messages that wait to be taken, in order, with what they weigh.
struct MessageBuffer {
    /// A run of messages of one batch.
    private struct Chunk {
        let batch: RecordBatch
        var next: Int
        let end: Int
    }

    private var chunks = FIFO<Chunk>()
    /// The chunk that is being taken from: outside of the list, to be changed in place.
    private var current: Chunk?
    private(set) var count = 0
    private(set) var byteCount = 0

    var isEmpty: Bool { count == 0 }

    mutating func append(_ batch: RecordBatch) {
        guard batch.count > 0 else { return }
        chunks.append(Chunk(batch: batch, next: 0, end: batch.count))
        count += batch.count
        byteCount += batch.byteCount
    }

    mutating func popFirst() -> Message? {
        guard count > 0 else { return nil }
        if current == nil { current = chunks.popFirst() }
        let index = current!.next
        let batch = current!.batch
        let message = batch.message(at: index)
        count -= 1
        byteCount -= batch.size(at: index)
        if index + 1 == current!.end { current = nil } else { current!.next = index + 1 }
        return message
    }

    /// Takes out the messages of some partitions.
    mutating func drop(_ isDropped: (TopicPartition) -> Bool) {
        var kept = MessageBuffer()
        if let current { kept.append(current, unless: isDropped) }
        while let chunk = chunks.popFirst() { kept.append(chunk, unless: isDropped) }
        self = kept
    }

    private mutating func append(_ chunk: Chunk, unless isDropped: (TopicPartition) -> Bool) {
        var start = chunk.next
        func flush(_ end: Int, _ buffer: inout MessageBuffer) {
            if start < end { buffer.chunks.append(Chunk(batch: chunk.batch, next: start, end: end)) }
        }
        for index in chunk.next..<chunk.end {
            if isDropped(chunk.batch.partition(at: index)) {
                flush(index, &self)
                start = index + 1
            } else {
                count += 1
                byteCount += chunk.batch.size(at: index)
            }
        }
        flush(chunk.end, &self)
    }
}
