// Who waits for a write, and what a write is called.
extension WriterState {
    /// Names a write to its own caller, also after its slot has been used again.
    struct Ticket: Sendable {
        let slot: Int
        let generation: UInt32

        init(slot: Int, generation: UInt32) {
            self.slot = slot
            self.generation = generation
        }

        /// As a number, which is never 0.
        var packed: UInt64 { UInt64(slot + 1) << 32 | UInt64(generation) }

        init?(packed: UInt64) {
            guard packed != 0 else { return nil }
            self.init(slot: Int(packed >> 32) - 1, generation: UInt32(truncatingIfNeeded: packed))
        }
    }

    /// What became of a message, for who waits for it; told outside the lock.
    struct Answer {
        let audience: Audience
        let outcome: Outcome

        init(_ audience: Audience, _ outcome: Outcome) {
            self.audience = audience
            self.outcome = outcome
        }

        func tell() {
            switch audience {
            case .nobody: break
            case .waiter(let waiter): waiter.resume(outcome)
            case .batch(let collector, let index): collector.set(outcome, at: index)
            }
        }
    }

    /// Who is told what became of a message.
    enum Audience {
        case nobody
        case waiter(Waiter<Outcome>)
        case batch(BatchCollector, index: Int)

        /// Whether it is a task that waits for this one message.
        var isTask: Bool { if case .waiter(.task) = self { true } else { false } }
    }
}
