/// Who waits for which message: a slot each, from the call of the write until librdkafka's report.
///
/// The waiter may leave earlier (cancelled, too late); the slot then stays without one. It is used again later, and its generation
/// tells who had it before from who has it now.
struct WriteSlots {
    struct Slot {
        var generation: UInt32 = 0
        var isUsed = false
        /// It waits for room. What left the line is skipped when its turn comes.
        var isInLine = false
        /// The epoch of a message in the line.
        var epoch: UInt32 = 0
        var audience = WriterState.Audience.nobody
        var deadline: Moment
    }

    private var slots: [Slot] = []
    private var free: [Int] = []

    var indices: Range<Int> { slots.indices }

    /// How many messages have a slot.
    var count: Int { slots.count - free.count }

    subscript(index: Int) -> Slot {
        get { slots[index] }
        _modify { yield &slots[index] }
    }

    mutating func take(
        for audience: WriterState.Audience,
        by deadline: Moment
    ) -> WriterState.Ticket {
        let index: Int
        if let last = free.popLast() {
            index = last
        } else {
            index = slots.count
            slots.append(Slot(deadline: deadline))
        }
        slots[index].isUsed = true
        slots[index].audience = audience
        slots[index].deadline = deadline
        return WriterState.Ticket(slot: index, generation: slots[index].generation)
    }

    /// Frees a slot, whose last audience is to be told.
    mutating func vacate(_ index: Int) -> WriterState.Audience {
        let audience = dismissAudience(index)
        slots[index].isUsed = false
        slots[index].isInLine = false
        slots[index].generation &+= 1
        free.append(index)
        return audience
    }

    /// Takes the audience away, which is told by the caller; the slot stays.
    mutating func dismissAudience(_ index: Int) -> WriterState.Audience {
        let audience = slots[index].audience
        slots[index].audience = .nobody
        return audience
    }

    func ticket(_ index: Int) -> WriterState.Ticket {
        WriterState.Ticket(slot: index, generation: slots[index].generation)
    }

    func isCurrent(_ ticket: WriterState.Ticket) -> Bool {
        slots[ticket.slot].isUsed && slots[ticket.slot].generation == ticket.generation
    }

    func isInLine(_ ticket: WriterState.Ticket) -> Bool { isCurrent(ticket) && slots[ticket.slot].isInLine }
}
