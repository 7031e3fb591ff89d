import Testing

@testable import MsgBus

/// The memory of a reader's group by itself.
@Suite("How far a group is", .timeLimit(.minutes(5)))
struct ProgressTests {
    private let partition = TopicPartition(topic: "t", partition: 3)

    private func one(_ offset: Int64) -> Stretch { Stretch(partition, offset..<(offset + 1), 0) }

    @Test("The lowest message that isn't done is what is committed")
    func lowestGap() {
        var progress = Progress()
        progress.begin([partition])
        check(progress.uncommitted.isEmpty)
        for offset in Int64(10)..<15 { progress.handOut(one(offset)) }
        check(progress.uncommitted == [partition: 10])
        progress.didCommit([partition: 10])
        check(progress.uncommitted.isEmpty)
        for offset in [Int64(12), 11, 14] { check(progress.finish(one(offset))) }
        check(progress.uncommitted.isEmpty)
        check(progress.finish(one(10)))
        check(progress.uncommitted == [partition: 13])
        check(progress.finish(one(13)))
        check(progress.uncommitted == [partition: 15])
    }

    @Test("After going back the group's start is still committed, if it wasn't")
    func rewindBeforeTheFirstCommit() {
        var progress = Progress()
        progress.begin([partition], startingAt: [partition: 10])
        check(progress.uncommittedStarts == [partition: 10])
        progress.handOut(one(10))
        progress.rewind(partition, to: 10, committed: nil, epoch: 1)
        check(progress.uncommittedStarts == [partition: 10])
        progress.rewind(partition, to: 11, committed: 11, epoch: 2)
        check(progress.uncommittedStarts.isEmpty)
    }

    @Test("Holes in the offsets, as transactions and compaction leave them, don't matter")
    func holes() {
        var progress = Progress()
        progress.begin([partition])
        for offset in [Int64(1), 5, 6, 90] { progress.handOut(one(offset)) }
        for offset in [Int64(90), 1, 5] { _ = progress.finish(one(offset)) }
        check(progress.uncommitted == [partition: 6])
        _ = progress.finish(one(6))
        check(progress.uncommitted == [partition: 91])
    }

    @Test("Stretches behave as their messages one by one would, in whatever order they are done")
    func stretches() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<200 {
            var whole = Progress()
            var single = Progress()
            whole.begin([partition])
            single.begin([partition])
            var open: [Range<Int64>] = []
            var next: Int64 = 0
            for _ in 0..<20 {
                next += Int64.random(in: 0...2, using: &random)
                let stretch = next..<(next + Int64.random(in: 1...5, using: &random))
                next = stretch.upperBound
                whole.handOut(Stretch(partition, stretch, 0))
                for offset in stretch { single.handOut(one(offset)) }
                // Sometimes it is done in two parts.
                let middle = Int64.random(in: stretch.lowerBound...stretch.upperBound, using: &random)
                open += [stretch.lowerBound..<middle, middle..<stretch.upperBound].filter { !$0.isEmpty }
                while open.count > 4 || (!open.isEmpty && Bool.random(using: &random)) {
                    let done = open.remove(at: Int.random(in: open.indices, using: &random))
                    check(whole.finish(Stretch(partition, done, 0)))
                    for offset in done { check(single.finish(one(offset))) }
                    check(whole.uncommitted == single.uncommitted)
                    let lowest = open.map(\.lowerBound).min() ?? next
                    check(whole.uncommitted == [partition: lowest])
                }
            }
        }
    }

    @Test("Done twice is done once, and what was never handed out changes nothing")
    func repeated() {
        var progress = Progress()
        progress.begin([partition])
        for offset in Int64(0)..<3 { progress.handOut(one(offset)) }
        for _ in 0..<3 { check(progress.finish(one(0))) }
        check(progress.finish(one(77)))
        check(progress.uncommitted == [partition: 1])
    }

    @Test("A partition that is gone takes no acknowledgement, and begins anew when it comes back")
    func revoked() {
        var progress = Progress()
        progress.begin([partition])
        progress.handOut(one(5))
        progress.end([partition])
        check(!progress.finish(one(5)))
        check(progress.uncommitted.isEmpty)
        progress.begin([partition])
        check(progress.finish(one(5)))
        check(progress.uncommitted.isEmpty)
    }

    @Test("Where a group starts is committed, until something is done")
    func start() {
        var progress = Progress()
        progress.begin([partition], startingAt: [partition: 40])
        check(progress.uncommitted == [partition: 40])
        progress.didCommit([partition: 40])
        check(progress.uncommitted.isEmpty)
        progress.handOut(one(40))
        check(progress.uncommitted.isEmpty)
        check(progress.finish(one(40)))
        check(progress.uncommitted == [partition: 41])
    }

    @Test(
        "What couldn't be committed is remembered, until somebody else commits, also when that happens again and again"
    )
    func remainders() {
        var progress = Progress()
        progress.begin([partition], committed: [partition: 10])
        for round in Int64(0)..<3 {
            progress.handOut(one(10 + round))
            check(progress.finish(one(10 + round)))
            progress.end([partition])
            check(progress.hasRemainders)
            let starts = progress.takeRemainders([partition: 10])
            check(starts == [partition: 11 + round])
            check(!progress.hasRemainders)
            progress.begin([partition], committed: [partition: 10], startingAt: starts)
            check(progress.uncommitted == [partition: 11 + round])
        }
        progress.end([partition])
        check(progress.takeRemainders([partition: 12]).isEmpty)
    }

    @Test("Who begins before what is committed has that committed")
    func goesBack() {
        var progress = Progress()
        progress.begin([partition], committed: [partition: 10], startingAt: [partition: 5])
        check(progress.uncommitted == [partition: 5])
    }

    @Test("A commit is never taken back by an older answer")
    func monotonic() {
        var progress = Progress()
        progress.begin([partition])
        for offset in Int64(0)..<10 {
            progress.handOut(one(offset))
            _ = progress.finish(one(offset))
        }
        progress.didCommit([partition: 10])
        progress.didCommit([partition: 4])
        check(progress.uncommitted.isEmpty)
    }

    @Test("Where the offset to go on with doesn't exist, what is read instead counts")
    func outOfRange() {
        var progress = Progress()
        progress.begin([partition])
        progress.seek(partition, to: 1000, epoch: 0)
        progress.didCommit(progress.uncommitted)
        for offset in Int64(0)..<3 {
            progress.handOut(one(offset))
            check(progress.finish(one(offset)))
        }
        check(progress.uncommitted == [partition: 3])
    }
}

/// A policy's arithmetic by itself.
@Suite("How long a message waits", .timeLimit(.minutes(5)))
struct BackoffTests {
    @Test("The pause doubles with each failure, up to the longest")
    func doubles() {
        let policy = FailurePolicy.retry(9, backoff: .milliseconds(100), maxBackoff: .milliseconds(500), then: .stop)
        let pauses: [Duration] = (1...5).map { policy.pause(after: $0) }
        check(pauses == [100, 200, 400, 500, 500].map { Duration.milliseconds($0) })
        check(policy.pause(after: .max) == .milliseconds(500))
    }

    @Test("However long a pause and however many failures, it can be told", arguments: [1, 2, 64, Int.max])
    func enormous(failures: Int) {
        for longest in [Duration.seconds(1), .seconds(Int64.max)] {
            let policy = FailurePolicy.retry(.max, backoff: .seconds(Int64.max), maxBackoff: longest, then: .stop)
            check(policy.pause(after: failures) == longest)
        }
        let slow = FailurePolicy.retry(.max, backoff: .nanoseconds(1), maxBackoff: .seconds(Int64.max), then: .stop)
        check(slow.pause(after: failures) <= .seconds(Int64.max))
        let none = FailurePolicy.retry(.max, backoff: .zero, then: .stop)
        check(none.pause(after: failures) == .zero)
    }
}

/// The connection's memory by itself.
@Suite("What errors say about a connection", .timeLimit(.minutes(5)))
struct ConnectionStateTests {
    private func error(_ code: MsgBusError.Code, _ name: String, fatal: Bool = false) -> MsgBusError {
        var error = MsgBusError(code, name, isFatal: fatal)
        error.kafkaName = name
        return error
    }

    @Test("All brokers down makes it suspect; only a failed probe makes it disconnected; an answer heals it")
    func disconnected() {
        var state = ConnectionState()
        check(!state.report(error(.transport, "_TRANSPORT")))
        check(state.report(error(.transport, "_ALL_BROKERS_DOWN")))
        check(!state.report(error(.transport, "_ALL_BROKERS_DOWN")))
        check(state.status == .open)
        state.probeFailed()
        guard case .disconnected = state.status else {
            Issue.record("\(state.status)")
            return
        }
        check(state.status.description.hasPrefix("disconnected"))
        state.answered()
        check(state.status == .open)
        check(state.cause == nil)
        state.probeFailed()
        check(state.status == .open)
    }

    @Test("The cause is the one that helps most, whatever comes after it")
    func cause() {
        var state = ConnectionState()
        _ = state.report(error(.transport, "_TRANSPORT"))
        _ = state.report(error(.authentication, "_AUTHENTICATION"))
        _ = state.report(error(.transport, "_TRANSPORT"))
        _ = state.report(error(.transport, "_ALL_BROKERS_DOWN"))
        check(state.cause?.code == .authentication)
    }

    @Test("What only the log says is the cause until an error says it, and a wrong password stays")
    func heard() {
        var state = ConnectionState()
        state.hear(error(.transport, "_TRANSPORT"))
        check(state.cause?.code == .transport)
        _ = state.report(error(.invalidRecord, "_BAD_MSG"))
        check(state.cause?.code == .invalidRecord)
        state.hear(error(.transport, "_TRANSPORT"))
        check(state.cause?.code == .invalidRecord)
        state.answered()
        state.hear(error(.authentication, "_TRANSPORT"))
        _ = state.report(error(.transport, "_TRANSPORT"))
        check(state.cause?.code == .authentication)
    }

    @Test("A refusal is news once a minute, or when a broker has answered meanwhile")
    func news() {
        var state = ConnectionState()
        let now = Moment.now
        check(state.isNews(error(.authentication, "_AUTHENTICATION"), at: now))
        check(!state.isNews(error(.authentication, "_AUTHENTICATION"), at: now + .seconds(59)))
        check(state.isNews(error(.authentication, "_AUTHENTICATION"), at: now + .seconds(60)))
        check(!state.isNews(error(.authentication, "_AUTHENTICATION"), at: now + .seconds(100)))
        check(state.isNews(error(.tls, "_SSL")))
        state.answered()
        check(state.isNews(error(.tls, "_SSL")))
    }

    @Test("A fatal error stays until the close")
    func fatal() {
        var state = ConnectionState()
        _ = state.report(error(.fatal, "_FATAL", fatal: true))
        state.answered()
        check(state.status == .failed(error(.fatal, "_FATAL", fatal: true)))
        state.close()
        check(state.status == .closed)
        _ = state.report(error(.fatal, "_FATAL", fatal: true))
        check(state.status == .closed)
    }
}
