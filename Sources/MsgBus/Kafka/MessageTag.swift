/// What goes with a message to librdkafka and comes back in its report.
struct MessageTag: Sendable, Hashable {
    let rawValue: UInt

    init(rawValue: UInt) { self.rawValue = rawValue }

    /// - Parameters:
    ///   - epoch: What a flush that ended it waits for.
    ///   - slot: Where the one is remembered who waits for this message; nil for nobody.
    init(epoch: UInt32, slot: Int?) { rawValue = UInt(epoch) << 32 | UInt(slot.map { $0 + 1 } ?? 0) }

    var epoch: UInt32 { UInt32(truncatingIfNeeded: rawValue >> 32) }

    var slot: Int? { hasSlot ? Int(rawValue & 0xffff_ffff) - 1 : nil }

    var hasSlot: Bool { rawValue & 0xffff_ffff != 0 }
}
