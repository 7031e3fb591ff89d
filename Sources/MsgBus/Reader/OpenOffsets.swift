/// The offsets of a partition that were handed out and aren't done.
///
/// They are kept as stretches, for messages are handed out and mostly finished in order: so a whole batch costs what one message does.
struct OpenOffsets {
    /// Without a gap each, ascending, from the lowest that is not done. Where offsets are missing, as after a transaction or where the
    /// topic was compacted, a stretch ends.
    private var stretches = FIFO<Range<Int64>>()
    /// Those of them, after the lowest, that are done.
    private var done: Set<Int64> = []

    /// The lowest.
    var first: Int64? { stretches.first?.lowerBound }

    mutating func append(_ offsets: Range<Int64>) {
        if let last = stretches.last, last.upperBound == offsets.lowerBound {
            stretches.last = last.lowerBound..<offsets.upperBound
        } else {
            stretches.append(offsets)
        }
    }

    mutating func finish(_ offsets: Range<Int64>) {
        // What comes before is done, what comes after the end was never handed out.
        guard let first, let end = stretches.last?.upperBound, offsets.upperBound > first, offsets.lowerBound < end
        else { return }
        let offsets = offsets.clamped(to: first..<end)
        if offsets.lowerBound > first {
            done.formUnion(offsets)
            return
        }
        advance(to: offsets.upperBound)
        while let first = self.first, done.remove(first) != nil { advance(to: first + 1) }
    }

    /// Everything below is done.
    private mutating func advance(to offset: Int64) {
        while let stretch = stretches.first, stretch.lowerBound < offset {
            // Nothing is left of what was done out of order: a commit would wait for ever for those that it passed over.
            if !done.isEmpty { done.subtract(stretch.lowerBound..<min(offset, stretch.upperBound)) }
            if stretch.upperBound <= offset {
                _ = stretches.popFirst()
            } else {
                stretches.first = offset..<stretch.upperBound
            }
        }
    }
}
