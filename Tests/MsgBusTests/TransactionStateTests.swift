import Testing

@testable import MsgBus

/// The memory of a writer's transactions by itself: no broker, no clock, no threads.
@Suite("What a writer remembers of transactions", .timeLimit(.minutes(5)))
struct TransactionStateTests {
    private let now = Moment.now
    private let thread = BlockedThread<MsgBusError?>()
    private var waiter: Waiter<MsgBusError?> { .thread(thread) }

    private func failure(_ remedy: TransactionFailure.Remedy, _ code: MsgBusError.Code = .timeout) -> TransactionFailure
    {
        TransactionFailure(error: MsgBusError(code, "made up"), remedy: remedy)
    }

    /// What a step is, to compare.
    private func name(_ step: TransactionState.Step?) -> String {
        switch step {
        case nil: "nothing"
        case .call(let call): "\(call)"
        case .flush: "flush"
        case .diagnose: "diagnose"
        case .sendOffsets: "sendOffsets"
        }
    }

    /// The codes of those who are told, "ok" without an error.
    private func codes(_ outcome: TransactionState.Outcome) -> [String] {
        outcome.answers.map { $0.error?.code.name ?? "ok" }
    }

    private func open(_ id: TransactionState.ID = 1) -> TransactionState {
        var state = TransactionState(timeout: .seconds(10))
        _ = state.enter(id, inside: [], waiter)
        _ = state.begin(id, at: now, waiter)
        _ = state.did(.begin, nil, at: now)
        return state
    }

    private func end(_ state: inout TransactionState, commit: Bool, needsDiagnosis: Bool = false) {
        let outcome = state.end(1, commit: commit, needsDiagnosis: needsDiagnosis, at: now, waiter)
        #expect(outcome.answers.isEmpty)
    }

    @Test("Turns come in order; who leaves the line is told, and who is inside of the current one can't wait for it")
    func turns() {
        var state = TransactionState(timeout: .seconds(10))
        #expect(codes(state.enter(1, inside: [], waiter)) == ["ok"])
        for id in 2...4 as ClosedRange<UInt64> { #expect(codes(state.enter(id, inside: [], waiter)) == []) }
        #expect(codes(state.enter(5, inside: [9, 1], waiter)) == ["state"])
        #expect(codes(state.enter(6, inside: [9], waiter)) == [])
        #expect(codes(state.cancel(2)) == ["cancelled"])
        #expect(codes(state.cancel(2)) == [])
        _ = state.begin(1, at: now, waiter)
        #expect(name(state.next(pending: 0, at: now)) == "begin")
        #expect(codes(state.did(.begin, nil, at: now)) == ["ok"])
        end(&state, commit: true)
        #expect(name(state.next(pending: 0, at: now)) == "commit")
        #expect(codes(state.did(.commit, nil, at: now)) == ["ok", "ok"])
        #expect(state.current == 3)
    }

    @Test("Writes get in from the beginning to the end, with the transaction's own name only")
    func writes() throws {
        var state = open()
        try state.check(1)
        #expect(throws: MsgBusError.self) { try state.check(nil) }
        #expect(throws: MsgBusError.self) { try state.check(2) }
        end(&state, commit: true)
        #expect(throws: MsgBusError.self) { try state.check(1) }
    }

    @Test("All is delivered before the commit, and a message that isn't turns it into an abort")
    func losses() {
        var state = open()
        end(&state, commit: true)
        #expect(name(state.next(pending: 2, at: now)) == "flush")
        #expect(name(state.next(pending: 1, at: now)) == "flush")
        state.lost(MsgBusError(.authorization, "made up"))
        // Why it failed is asked first: the abort forgets it.
        #expect(name(state.next(pending: 1, at: now)) == "diagnose")
        #expect(codes(state.didDiagnose(nil)) == [])
        #expect(name(state.next(pending: 1, at: now)) == "abort")
        let outcome = state.did(.abort, nil, at: now)
        #expect(codes(outcome) == ["transactionAbortable"])
        #expect(outcome.answers.first?.error?.isRetriable == false)
        #expect(state.current == nil)
    }

    @Test(
        "Cancelled or late before the commit has begun: it is aborted; after that the commit goes on",
        arguments: [true, false]
    )
    func beforeTheCommit(isCancelled: Bool) {
        var state = open()
        end(&state, commit: true)
        if isCancelled { _ = state.cancel(1) }
        let then = isCancelled ? now : now + .seconds(10)
        #expect(name(state.next(pending: 1, at: then)) == "abort")
        #expect(codes(state.did(.abort, nil, at: then)) == [isCancelled ? "cancelled" : "timeout"])

        state = open()
        end(&state, commit: true)
        #expect(name(state.next(pending: 0, at: now)) == "commit")
        _ = state.did(.commit, failure(.again), at: now)
        if isCancelled { _ = state.cancel(1) }
        #expect(name(state.next(pending: 1, at: now)) == "commit")
        #expect(codes(state.did(.commit, nil, at: now)) == ["ok"])
    }

    @Test("A commit that timed out is in doubt, and made again before the next transaction begins, or is closed")
    func inDoubt() {
        var state = open()
        end(&state, commit: true)
        _ = state.did(.commit, failure(.again), at: now)
        let outcome = state.did(.commit, failure(.again), at: now + .seconds(10))
        #expect(codes(outcome) == ["timeout"])
        #expect(outcome.answers.first?.error?.persistence == .possiblyPersisted)
        #expect(outcome.answers.first?.error?.isRetriable == false)

        _ = state.enter(2, inside: [], waiter)
        _ = state.begin(2, at: now, waiter)
        #expect(name(state.next(pending: 0, at: now)) == "commit")
        #expect(codes(state.did(.commit, failure(.again), at: now + .seconds(10))) == ["timeout"])

        _ = state.enter(3, inside: [], waiter)
        _ = state.begin(3, at: now, waiter)
        // It turns out that it can't be committed any more.
        #expect(codes(state.did(.commit, failure(.abort), at: now)) == [])
        #expect(name(state.next(pending: 0, at: now)) == "abort")
        #expect(codes(state.did(.abort, nil, at: now)) == [])
        #expect(name(state.next(pending: 0, at: now)) == "begin")
        #expect(codes(state.did(.begin, nil, at: now)) == ["ok"])
    }

    @Test(
        "A commit that the cluster refuses is aborted, and says what it was; an abort that times out answers all the same"
    )
    func refusedCommit() {
        var state = open()
        end(&state, commit: true)
        #expect(codes(state.did(.commit, failure(.abort, .internal), at: now)) == [])
        #expect(name(state.next(pending: 0, at: now)) == "abort")
        #expect(codes(state.did(.abort, failure(.again), at: now)) == [])
        let outcome = state.did(.abort, failure(.again), at: now + .seconds(10))
        #expect(codes(outcome) == ["transactionAbortable"])
        #expect(outcome.answers.first?.error?.isRetriable == true)
        _ = state.enter(2, inside: [], waiter)
        _ = state.begin(2, at: now, waiter)
        #expect(name(state.next(pending: 0, at: now)) == "abort")
    }

    @Test("A body's own error needs no other, unless the transaction had failed by itself")
    func bodyThrows() {
        var state = open()
        end(&state, commit: false)
        #expect(name(state.next(pending: 3, at: now)) == "abort")
        #expect(codes(state.did(.abort, nil, at: now)) == ["ok"])

        state = open()
        end(&state, commit: false, needsDiagnosis: true)
        #expect(name(state.next(pending: 3, at: now)) == "diagnose")
        _ = state.didDiagnose(failure(.abort, .authorization))
        #expect(codes(state.did(.abort, nil, at: now)) == ["transactionAbortable"])
    }

    @Test(
        "What is for good ends everything, for those who wait and who come later",
        arguments: [MsgBusError.Code.fenced, .state]
    )
    func fatal(code: MsgBusError.Code) {
        var state = open()
        _ = state.enter(2, inside: [], waiter)
        end(&state, commit: true)
        let outcome = state.did(.commit, failure(.none, code), at: now)
        let expected = code == .fenced ? "fenced" : "fatal"
        #expect(codes(outcome) == [expected, expected])
        #expect(outcome.fatal?.isFatal == true)
        #expect(codes(state.enter(3, inside: [], waiter)) == [expected])
        #expect(state.next(pending: 0, at: now) == nil)
        #expect(codes(state.end(1, commit: true, needsDiagnosis: false, at: now, waiter)) == [expected])
    }

    @Test("A close aborts an open one, lets an end go on, and answers everyone")
    func close() {
        var state = open()
        _ = state.enter(2, inside: [], waiter)
        #expect(codes(state.close(by: now + .seconds(1))) == ["closed"])
        #expect(name(state.next(pending: 0, at: now)) == "abort")
        #expect(codes(state.end(1, commit: true, needsDiagnosis: false, at: now, waiter)) == ["closed"])
        #expect(codes(state.did(.abort, nil, at: now)) == [])
        #expect(state.next(pending: 0, at: now) == nil)

        state = open()
        end(&state, commit: true)
        #expect(codes(state.close(by: now + .seconds(1))) == [])
        #expect(name(state.next(pending: 0, at: now)) == "commit")
        _ = state.did(.commit, failure(.again), at: now)
        let outcome = state.endClose()
        #expect(codes(outcome) == ["timeout"])
        #expect(outcome.answers.first?.error?.persistence == .possiblyPersisted)

        state = TransactionState(timeout: .seconds(10))
        _ = state.enter(1, inside: [], waiter)
        _ = state.begin(1, at: now, waiter)
        #expect(codes(state.close(by: now)) == ["closed"])
        #expect(codes(state.endClose()) == [])
    }
}
