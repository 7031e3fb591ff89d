/// What goes with a message to librdkafka and comes back in its report.
struct MessageTag: Sendable, Hashable {
    let rawValue: UInt

    init(rawValue: UInt) { self.rawValue = rawValue }

    /// - Parameters:
    ///   - epoch: What a flush that ended it waits for.
    ///   - slot: Where the one is remembered who waits for this message; nil for nobody.
    ///   - hasHeaders: Whether the message has any: to ask librdkafka costs more.
    init(epoch: UInt32, slot: Int?, hasHeaders: Bool) {
        rawValue = UInt(epoch) << 32 | (hasHeaders ? Self.headers : 0) | UInt(slot.map { $0 + 1 } ?? 0)
    }

    private static let headers: UInt = 0x8000_0000
    private static let slots: UInt = 0x7fff_ffff

    var epoch: UInt32 { UInt32(truncatingIfNeeded: rawValue >> 32) }

    var slot: Int? { hasSlot ? Int(rawValue & Self.slots) - 1 : nil }

    var hasSlot: Bool { rawValue & Self.slots != 0 }

    var hasHeaders: Bool { rawValue & Self.headers != 0 }
}
