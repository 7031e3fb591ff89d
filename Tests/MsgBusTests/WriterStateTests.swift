import Testing

@testable import MsgBus

/// The writer's memory by itself: no broker, no clock, no threads.
@Suite("What a writer remembers", .timeLimit(.minutes(5)))
struct WriterStateTests {
    private let delivery = Delivery(topic: "t", partition: 0, offset: 1, timestamp: nil, latency: .zero)

    private func audience() -> (BatchCollector, WriterState.Audience) {
        let collector = BatchCollector(count: 1)
        return (collector, .batch(collector, index: 0))
    }

    /// A write that librdkafka took; returns its ticket and tag.
    private func take(_ state: inout WriterState, size: Int = 1) -> (ticket: WriterState.Ticket, tag: MessageTag) {
        let ticket = state.expect(audience().1, by: .now + .seconds(60))
        state.wasTaken(size: size)
        return (ticket, state.tag(ticket, of: "m"))
    }

    @Test("Room is counted in messages and in bytes, and an empty writer has room for anything")
    func room() {
        var state = WriterState(maxMessages: 2, maxBytes: 100)
        check(state.hasRoom(for: 1000))
        let first = take(&state, size: 60)
        check(!state.hasRoom(for: 41))
        check(state.hasRoom(for: 40))
        _ = take(&state, size: 1)
        check(!state.hasRoom(for: 1))
        _ = state.reported(first.tag, size: 60, .success(delivery))
        check(state.hasRoom(for: 99))
    }

    @Test("A slot is used again, and an old ticket doesn't reach its new owner")
    func slots() {
        var state = WriterState(maxMessages: 10, maxBytes: 100)
        let first = take(&state)
        check(state.reported(first.tag, size: 1, .success(delivery)) != nil)
        let second = take(&state)
        check(second.ticket.slot == first.ticket.slot)
        check(state.cancel(first.ticket) == nil)
        check(state.cancel(second.ticket) != nil)
        check(state.cancel(second.ticket) == nil)
    }

    @Test("The report of a write that nobody waits for any more answers nobody and frees its slot")
    func detached() {
        var state = WriterState(maxMessages: 10, maxBytes: 100)
        let write = take(&state)
        let answer = state.cancel(write.ticket)
        guard case .failure(let error)? = answer?.outcome else {
            Issue.record("a cancelled write has an answer")
            return
        }
        check(error.code == .cancelled)
        check(error.persistence == .possiblyPersisted)
        if case .nobody? = state.reported(write.tag, size: 1, .success(delivery))?.audience {
        } else {
            Issue.record("somebody was told twice")
        }
        check(state.delivered == 1)
        check(state.inFlight == 0)
    }

    @Test("A ticket outlives its slot: as a number too it names one write only")
    func tickets() {
        var state = WriterState(maxMessages: 10, maxBytes: 100)
        check(WriterState.Ticket(packed: 0) == nil)
        let first = take(&state)
        let packed = first.ticket.packed
        check(packed != 0)
        _ = state.reported(first.tag, size: 1, .success(delivery))
        let second = take(&state)
        check(second.ticket.slot == first.ticket.slot && second.ticket.packed != packed)
        check(WriterState.Ticket(packed: packed).map { state.cancel($0) == nil } == true)
        check(WriterState.Ticket(packed: second.ticket.packed).map { state.cancel($0) != nil } == true)
    }

    @Test("The clock is looked at for the earliest deadline, and nobody asks twice")
    func watched() {
        var state = WriterState(maxMessages: 10, maxBytes: 100)
        let now = Moment.now
        _ = state.expect(audience().1, by: now + .seconds(3))
        check(state.isUnwatched(now + .seconds(3)))
        check(!state.isUnwatched(now + .seconds(4)))
        check(state.isUnwatched(now + .seconds(2)))
        check(state.expire(at: now + .seconds(2), .seconds(1)).next == now + .seconds(3))
        check(!state.isUnwatched(now + .seconds(3)))
        check(state.expire(at: now + .seconds(3), .seconds(1)).next == nil)
        check(state.isUnwatched(now + .seconds(9)))
    }

    @Test("The line goes first come first served, and those who leave it are never sent")
    func line() {
        var state = WriterState(maxMessages: 1, maxBytes: 100)
        let first = take(&state)
        var tickets: [WriterState.Ticket] = []
        for index in 0..<3 {
            let ticket = state.expect(audience().1, by: .now + .seconds(60))
            state.stepInLine("\(index)", ticket)
            tickets.append(ticket)
        }
        check(state.firstWithRoom(upTo: 10).isEmpty)
        let left = state.cancel(tickets[0])
        guard case .failure(let error)? = left?.outcome else {
            Issue.record("who leaves the line has an answer")
            return
        }
        check(error.persistence == .notPersisted)
        _ = state.reported(first.tag, size: 1, .success(delivery))
        check(state.firstWithRoom(upTo: 10).map(\.message) == ["1"])
        state.firstWasTaken()
        check(state.firstWithRoom(upTo: 10).isEmpty)
        check(state.pending == 2)
        check(state.beginClose().count == 1)
        check(state.pending == 1)
    }

    @Test("Some writes go at once, more of them gather until the next report, and go together")
    func gathering() {
        var state = WriterState(maxMessages: 10, maxBytes: 100)
        var sent: [MessageTag] = []
        while state.mayGoAtOnce(size: 1) {
            sent.append(take(&state).tag)
        }
        check(sent.count == 5 && !state.isGathering)
        for index in 0..<8 {
            let ticket = state.expect(audience().1, by: .now + .seconds(60))
            state.stepInLine("\(index)", ticket)
            check(state.isGathering && (state.gatheringTime != nil) == (index == 0))
        }
        check(!state.mayGoAtOnce(size: 1))
        _ = state.reported(sent[0], size: 1, .success(delivery))
        check(!state.isWorthGathering)
        check(state.firstWithRoom(upTo: 5).map(\.message) == ["0", "1", "2", "3", "4"])
        check(state.firstWithRoom(upTo: 100).count == 6)
        for _ in 0..<6 { state.firstWasTaken() }
        // The last one waits for room now, and not for company.
        check(state.hasLine && !state.isGathering && state.firstWithRoom(upTo: 100).isEmpty)
    }

    @Test("A flush waits for its epoch and all before, and for nothing after")
    func flush() {
        var state = WriterState(maxMessages: 10, maxBytes: 100)
        check(state.beginFlush() == nil)
        let first = take(&state)
        let flush = state.beginFlush()
        let second = take(&state)
        let later = state.beginFlush()
        check(flush != nil)
        let thread = BlockedThread<MsgBusError?>()
        check(state.awaitFlush(flush!, by: .now + .seconds(60), .thread(thread)))
        check(state.awaitFlush(later!, by: .now + .seconds(60), .thread(thread)))
        _ = state.reported(second.tag, size: 1, .success(delivery))
        check(state.finishedFlushes().isEmpty)
        _ = state.reported(first.tag, size: 1, .failure(MsgBusError(.timeout, "")))
        check(state.finishedFlushes().count == 2)
        check(!state.hasFlushWaiters)
        check(!state.awaitFlush(flush!, by: .now, .thread(thread)))
    }

    @Test("Deadlines: who is late is answered once, and the next deadline is known")
    func deadlines() {
        var state = WriterState(maxMessages: 1, maxBytes: 100)
        let now = Moment.now
        _ = state.expect(audience().1, by: now + .seconds(1))
        state.wasTaken(size: 1)
        let waiting = state.expect(audience().1, by: now + .seconds(2))
        state.stepInLine("x", waiting)
        check(state.expire(at: now, .seconds(1)).next == now + .seconds(1))
        let first = state.expire(at: now + .seconds(1), .seconds(1))
        check(first.answers.count == 1)
        check(first.next == now + .seconds(2))
        let second = state.expire(at: now + .seconds(3), .seconds(1))
        check(second.answers.count == 1)
        check(second.next == nil)
        check(!state.hasLine)
        check(state.expire(at: now + .seconds(9), .seconds(1)).answers.isEmpty)
        check(state.pending == 1)
    }

    @Test("The end of a close answers whoever is left and counts what has no report")
    func close() {
        var state = WriterState(maxMessages: 10, maxBytes: 100)
        _ = take(&state)
        _ = take(&state)
        _ = state.beginClose()
        check(state.phase == .closing)
        check(state.abandon() == 2)
        check(state.endClose().answers.count == 2)
        check(state.undelivered == 2)
        check(state.inFlight == 0)
        check(state.unheard == 0)
    }

    @Test("What nobody waited for counts as lost from the moment its close gives it up, with a report or without")
    func unheard() {
        var state = WriterState(maxMessages: 10, maxBytes: 100)
        _ = take(&state)
        let tag = state.tag(nil, of: "m")
        for _ in 0..<3 {
            state.wasTaken(size: 1)
        }
        check(state.unheard == 0)
        _ = state.beginClose()
        check(state.abandon() == 4)
        check(state.unheard == 3)
        check(state.reported(tag, size: 1, .failure(MsgBusError(.purged, "given up"))) == nil)
        check(state.unheard == 3)
        _ = state.endClose()
        check(state.unheard == 3)
    }

    @Test("What a transaction wrote is told by the transaction, and is no message that nobody waited for")
    func unheardOfTransactions() {
        var state = WriterState(maxMessages: 10, maxBytes: 100, transactionTimeout: .seconds(60))
        for _ in 0..<3 { state.wasTaken(size: 1) }
        _ = state.beginClose()
        check(state.abandon() == 3)
        check(state.unheard == 0)
        _ = state.endClose()
        check(state.unheard == 0)
    }
}

@Suite("A first-in-first-out list", .timeLimit(.minutes(5)))
struct FIFOTests {
    @Test("Who leaves behind a front that stays takes up no room")
    func holes() {
        var list = FIFO<Int>()
        list.append(-1)
        for element in 0..<10_000 {
            list.append(element)
            list.append(-2)
            check(list.remove { $0 == element } == element)
            check(list.remove { $0 == -2 } == -2)
        }
        check(list.count == 1 && list.first == -1)
        check(list.room < 200)
    }

    @Test("It keeps the order through holes and trims itself")
    func order() {
        var list = FIFO<Int>()
        var model: [Int] = []
        var random = SystemRandomNumberGenerator()
        for step in 0..<20_000 {
            switch Int.random(in: 0..<5, using: &random) {
            case 0, 1:
                list.append(step)
                model.append(step)
            case 2, 3:
                check(list.popFirst() == (model.isEmpty ? nil : model.removeFirst()))
            default:
                guard let victim = model.randomElement() else { continue }
                check(list.remove { $0 == victim } == victim)
                model.removeAll { $0 == victim }
            }
            check(list.count == model.count)
            check(list.first == model.first)
        }
    }
}
