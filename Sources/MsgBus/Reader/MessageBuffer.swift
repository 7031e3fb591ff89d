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
    /// How many messages were ever taken.
    private(set) var taken = 0

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
        taken += 1
        byteCount -= batch.size(at: index)
        if index + 1 == current!.end { current = nil } else { current!.next = index + 1 }
        return message
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
        var start = chunk.next
        func flush(_ end: Int, _ buffer: inout MessageBuffer) {
            if start < end { buffer.chunks.append(Chunk(batch: chunk.batch, next: start, end: end)) }
        }
        for index in chunk.next..<chunk.end {
            let partition = chunk.batch.partition(at: index)
            if isDropped(partition) {
                flush(index, &self)
                start = index + 1
                if firsts[partition] == nil { firsts[partition] = chunk.batch.message(at: index).offset }
            } else {
                count += 1
                byteCount += chunk.batch.size(at: index)
            }
        }
        flush(chunk.end, &self)
    }
}
