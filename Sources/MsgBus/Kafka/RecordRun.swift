/// Records of a batch that follow each other in one partition without a gap between their offsets.
struct RecordRun: Sendable {
    let partition: TopicPartition
    /// The offset of the first one.
    let offset: Int64
    /// Their positions in the batch.
    let range: Range<Int>

    /// The offset after the last one.
    var next: Int64 { offset + Int64(range.count) }

    /// The offset of the one at a position.
    func offset(at index: Int) -> Int64 { offset + Int64(index - range.lowerBound) }

    /// The offsets of those at some positions.
    func offsets(at range: Range<Int>) -> Range<Int64> { offset(at: range.lowerBound)..<offset(at: range.upperBound) }
}
