// How a wait ends without an answer of the broker's: its time is over, or the writer is closed.
extension WriterState {
    // MARK: Deadlines

    /// Answers whose time is over, and says when to look again.
    mutating func expire(
        at now: Moment,
        _ timeout: Duration
    ) -> (
        answers: [Answer], flushes: [Waiter<MsgBusError?>], next: Moment?
    ) {
        var answers: [Answer] = []
        var next: Moment?
        defer { watched = next }
        for index in slots.indices {
            if case .nobody = slots[index].audience { continue }
            let deadline = slots[index].deadline
            if deadline > now {
                next = min(next ?? deadline, deadline)
                continue
            }
            let unsent = Self.late(timeout, "it waited for room in the writer's buffer", .notPersisted)
            if let answer = leaveLine(slots.ticket(index), unsent) {
                transactions?.lost(unsent)
                answers.append(answer)
            } else {
                let error = Self.late(timeout, "it may still be delivered", .possiblyPersisted)
                answers.append(Answer(slots.dismissAudience(index), .failure(error)))
            }
        }
        let late = flushWaiters.filter { $0.deadline <= now }.map(\.waiter)
        flushWaiters.removeAll { $0.deadline <= now }
        for flush in flushWaiters { next = min(next ?? flush.deadline, flush.deadline) }
        return (answers, late, next)
    }

    private static func late(_ timeout: Duration, _ fate: String, _ persistence: MsgBusError.Persistence) -> MsgBusError
    {
        MsgBusError(
            .timeout,
            "the message wasn't acknowledged within \(timeout); \(fate)",
            isRetriable: true,
            persistence: persistence
        )
    }

    // MARK: Close

    /// No write gets in from now on; those in the line are answered.
    mutating func beginClose() -> [Answer] {
        phase = .closing
        var answers: [Answer] = []
        let error = MsgBusError(.closed, "the writer was closed while the message waited", persistence: .notPersisted)
        while let answer = firstFailed(error) { answers.append(answer) }
        return answers
    }

    /// The close's time is over: what is on its way is given up. The first word counts.
    mutating func abandon() -> Int {
        if abandoned == 0 { abandoned = inFlight }
        return abandoned
    }

    /// How many messages that nobody waits for have failed, or have no report while the writer closes: a close whose time is over
    /// doesn't wait for the reports of what it gave up.
    var unheard: Int {
        // A transaction's messages are its own business.
        guard phase != .open, !hasTransactions else { return unheardFailures }
        return unheardFailures + max(0, inFlight - slots.count)
    }

    /// Answers whoever is left.
    mutating func endClose() -> (answers: [Answer], flushes: [Waiter<MsgBusError?>]) {
        phase = .closed
        unheardFailures = unheard
        undelivered += inFlight
        inFlight = 0
        let error = MsgBusError(
            .closed,
            "the writer was closed before the broker's answer",
            persistence: .possiblyPersisted
        )
        var answers: [Answer] = []
        for index in slots.indices where slots[index].isUsed {
            answers.append(Answer(slots.dismissAudience(index), .failure(error)))
        }
        defer { flushWaiters = [] }
        return (answers, flushWaiters.map(\.waiter))
    }
}
