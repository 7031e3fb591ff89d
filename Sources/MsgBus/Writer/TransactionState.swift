/// What a transactional writer has to remember, without any input or output: whose turn it is, how far that transaction is, what
/// went wrong with it.
///
/// The work is done in steps. ``next(pending:at:)`` says which one is next, and `did…` how it went; librdkafka's calls among them
/// can time out and go on by themselves, and are then made again before any other, also by the transaction after.
struct TransactionState {
    typealias ID = UInt64

    /// librdkafka's calls that change the state of a transaction.
    enum Call: Sendable { case begin, commit, abort }

    /// What there is to do, one after another.
    enum Step {
        case call(Call)
        /// Have delivered what is on its way.
        case flush
        /// Ask librdkafka why the transaction failed, which it forgets with the abort.
        case diagnose
        /// Make what was acknowledged a part of the transaction.
        case sendOffsets([Acknowledgements])
    }

    /// Messages of one reader that are done if the transaction is committed.
    struct Acknowledgements {
        let reader: ReaderCore
        var done: [Stretch]
    }

    /// What is to be done outside the lock after a step.
    struct Outcome {
        /// Who is told, and the error if there is one.
        var answers: [(waiter: Waiter<MsgBusError?>, error: MsgBusError?)] = []
        /// Offsets that are committed by now.
        var committed: [ReaderCore.Claim] = []
        /// The writer can't go on since now.
        var fatal: MsgBusError?
    }

    private enum Goal { case begin, commit, abort }

    private struct Job {
        var goal: Goal
        var deadline: Moment
        /// Nil for a close.
        let waiter: Waiter<MsgBusError?>?
        /// What the waiter gets in the end.
        var error: MsgBusError?
        var needsDiagnosis = false
        var hasSentOffsets = false
    }

    /// How long each beginning and each end may take.
    private let timeout: Duration
    /// Whose turn it is.
    private(set) var current: ID?
    private var line = FIFO<(id: ID, waiter: Waiter<MsgBusError?>)>()
    private var job: Job?
    /// Writes get in.
    private var isOpen = false
    /// librdkafka is inside a transaction, whoever ends it.
    private(set) var isBegun = false
    /// The call that timed out.
    private var unsettled: Call?
    /// The first message of the transaction that was accepted and failed.
    private var loss: MsgBusError?
    private var isCancelled = false
    private var acknowledged: [Acknowledgements] = []
    private var claims: [ReaderCore.Claim] = []
    private var fatal: MsgBusError?
    private var closing: Moment?
    /// Somebody takes one step after another.
    private var isDriven = false

    init(timeout: Duration) { self.timeout = timeout }

    // MARK: Turns

    /// Steps in line.
    ///
    /// - Parameter enclosing: The transactions that the caller is inside of: to wait for one of them would be for ever.
    /// - Returns: The answer if it is known at once: nil for their turn.
    mutating func enter(
        _ id: ID,
        inside enclosing: [ID],
        _ waiter: Waiter<MsgBusError?>
    ) -> Outcome {
        func answer(_ error: MsgBusError?) -> Outcome { Outcome(answers: [(waiter, error)]) }
        if let fatal { return answer(fatal) }
        guard closing == nil else { return answer(Self.closed) }
        guard let current else {
            current = id
            return answer(nil)
        }
        if enclosing.contains(current) {
            return answer(MsgBusError(.state, "a transaction can't begin inside another one of the same writer"))
        }
        line.append((id, waiter))
        return Outcome()
    }

    /// Doesn't wait for its turn any more, or ends the transaction rather by an abort than by a commit that has not begun.
    mutating func cancel(_ id: ID) -> Outcome {
        if current == id { isCancelled = true }
        guard let left = line.remove(where: { $0.id == id }) else { return Outcome() }
        return Outcome(answers: [(left.waiter, Self.cancelled)])
    }

    private mutating func nextTurn(_ outcome: inout Outcome) {
        current = nil
        isOpen = false
        isCancelled = false
        if let fatal {
            while let next = line.popFirst() { outcome.answers.append((next.waiter, fatal)) }
        }
        guard let next = line.popFirst() else { return }
        current = next.id
        outcome.answers.append((next.waiter, nil))
    }

    // MARK: Inside

    /// Whether a write may be made now, by a transaction or by none.
    func check(_ id: ID?) throws(MsgBusError) {
        guard let id else {
            throw MsgBusError(
                .state,
                "the writer has a transactionalID: write with the transaction that `transaction { }` gives",
                persistence: .notPersisted
            )
        }
        guard isOpen, current == id else {
            throw fatal ?? MsgBusError(.state, "the transaction has ended", persistence: .notPersisted)
        }
    }

    mutating func acknowledge(_ done: [Stretch], of reader: ReaderCore) {
        if let index = acknowledged.firstIndex(where: { $0.reader === reader }) {
            acknowledged[index].done += done
        } else {
            acknowledged.append(Acknowledgements(reader: reader, done: done))
        }
    }

    /// A message that was accepted has failed, so that not all of the transaction can be committed.
    mutating func lost(_ error: MsgBusError) {
        if loss == nil { loss = error }
    }

    // MARK: Begin and end

    mutating func begin(_ id: ID, at now: Moment, _ waiter: Waiter<MsgBusError?>) -> Outcome {
        job = Job(goal: .begin, deadline: now + timeout, waiter: waiter)
        if isCancelled { return finish(Self.cancelled) }
        return closing == nil ? Outcome() : finish(Self.closed)
    }

    /// - Parameter needsDiagnosis: For an abort: whether its cause may be a failure of the transaction's own.
    mutating func end(
        _ id: ID,
        commit: Bool,
        needsDiagnosis: Bool,
        at now: Moment,
        _ waiter: Waiter<MsgBusError?>
    ) -> Outcome {
        isOpen = false
        // A close was quicker, and ends it or has.
        guard current == id, closing == nil else { return Outcome(answers: [(waiter, fatal ?? Self.closed)]) }
        job = Job(
            goal: commit ? .commit : .abort,
            deadline: now + timeout,
            waiter: waiter,
            needsDiagnosis: needsDiagnosis
        )
        return Outcome()
    }

    /// The writer is being closed, and no step is under way: a body is cut short by an abort, an end goes on up to that time.
    mutating func close(by deadline: Moment) -> Outcome {
        closing = deadline
        isOpen = false
        var outcome = Outcome()
        while let next = line.popFirst() { outcome.answers.append((next.waiter, Self.closed)) }
        if job?.goal == .begin { outcome = finish(Self.closed, outcome) }
        if job == nil, isBegun { job = Job(goal: .abort, deadline: deadline, waiter: nil) }
        return outcome
    }

    /// The client is gone.
    mutating func endClose() -> Outcome {
        finish(unsettled.flatMap { late($0, Self.closed) } ?? job?.error ?? Self.closed)
    }

    var isAborting: Bool { job?.goal == .abort }

    /// Whether the caller has to take the steps from now on until there is none.
    mutating func drive() -> Bool {
        guard job != nil, !isDriven else { return false }
        isDriven = true
        return true
    }

    /// The next step of who is at it; nil when there is none.
    ///
    /// - Parameter pending: How many of the writer's messages are on their way or wait for room.
    mutating func next(pending: Int, at now: Moment) -> Step? {
        guard let job else {
            isDriven = false
            return nil
        }
        if let unsettled { return .call(unsettled) }
        switch job.goal {
        case .begin:
            return .call(.begin)
        case .commit:
            if let obstacle = obstacle(now) {
                abort(because: obstacle, at: now)
                self.job?.needsDiagnosis = loss != nil
                return next(pending: pending, at: now)
            }
            if pending > 0 { return .flush }
            if !acknowledged.isEmpty, !job.hasSentOffsets { return .sendOffsets(acknowledged) }
            return .call(.commit)
        case .abort:
            return job.needsDiagnosis ? .diagnose : .call(.abort)
        }
    }

    /// Why a commit that hasn't begun must not.
    private func obstacle(_ now: Moment) -> MsgBusError? {
        if let loss { return Self.aborted(loss) }
        if isCancelled { return Self.cancelled }
        guard now >= deadline else { return nil }
        return MsgBusError(
            .timeout,
            "the transaction's messages were not delivered within \(timeout): it is aborted",
            isRetriable: true,
            persistence: .notPersisted
        )
    }

    private mutating func abort(because error: MsgBusError, at now: Moment) {
        job = job.map { Job(goal: .abort, deadline: now + timeout, waiter: $0.waiter, error: error) }
    }

    private var deadline: Moment {
        let deadline = job?.deadline ?? .now
        return closing.map { min($0, deadline) } ?? deadline
    }

    // MARK: How steps went

    mutating func didDiagnose(_ failure: TransactionFailure?) -> Outcome {
        job?.needsDiagnosis = false
        if let failure, failure.remedy == .none { return fail(failure.error) }
        if let cause = failure?.error ?? loss { job?.error = Self.aborted(cause) }
        return Outcome()
    }

    mutating func didSendOffsets(
        _ claims: [ReaderCore.Claim],
        _ failure: TransactionFailure?,
        at now: Moment
    ) -> Outcome {
        guard let failure else {
            self.claims = claims
            job?.hasSentOffsets = true
            return Outcome()
        }
        switch failure.remedy {
        case .again where now < deadline: break
        case .again, .abort: abort(because: Self.aborted(failure.error), at: now)
        case .none: return fail(failure.error)
        }
        return Outcome()
    }

    /// What the reader said to the acknowledgements rules the commit out.
    mutating func offsetsRefused(_ error: MsgBusError, at now: Moment) {
        abort(because: error, at: now)
    }

    mutating func did(_ call: Call, _ failure: TransactionFailure?, at now: Moment) -> Outcome {
        guard let failure else { return did(call) }
        switch failure.remedy {
        case .none:
            return fail(failure.error)
        case .abort where call == .commit && job?.goal == .commit:
            unsettled = nil
            abort(because: Self.aborted(failure.error), at: now)
        case .abort:
            // Of an earlier transaction, which nobody waits for any more; or the abort itself has to be begun again.
            unsettled = .abort
        case .again:
            if call != .begin { unsettled = call }
        }
        if isCancelled, job?.goal == .begin { return finish(Self.cancelled) }
        guard now >= deadline else { return Outcome() }
        return finish(late(call, failure.error))
    }

    private mutating func did(_ call: Call) -> Outcome {
        unsettled = nil
        isBegun = call == .begin
        var outcome = Outcome()
        if call == .commit { outcome.committed = claims }
        loss = nil
        acknowledged = []
        claims = []
        // Settled what an earlier one had left; now its own.
        if call != .begin, job?.goal == .begin { return outcome }
        if call == .begin { isOpen = closing == nil }
        return finish(job?.error, outcome)
    }

    /// Answers, and lets the next one have its turn unless this was a beginning.
    private mutating func finish(_ error: MsgBusError?, _ outcome: Outcome = Outcome()) -> Outcome {
        var outcome = outcome
        guard let job else { return outcome }
        self.job = nil
        if let waiter = job.waiter { outcome.answers.append((waiter, error)) }
        if job.goal != .begin || error != nil { nextTurn(&outcome) }
        return outcome
    }

    private mutating func fail(_ error: MsgBusError) -> Outcome {
        let error = error.isFatal ? error : error.asFatal
        fatal = error
        unsettled = nil
        isBegun = false
        acknowledged = []
        var outcome = finish(error)
        outcome.fatal = error
        return outcome
    }

    // MARK: Errors

    private func late(_ call: Call, _ cause: MsgBusError) -> MsgBusError? {
        switch call {
        case .commit where job?.goal == .commit:
            MsgBusError(
                .timeout,
                "nobody knows yet whether the transaction is committed: \(cause.message)",
                persistence: .possiblyPersisted
            )
        case .abort where job?.goal == .abort:
            // It will be aborted, by the next transaction or by the broker, and the waiter has another concern.
            job?.error
        default:
            MsgBusError(
                .timeout,
                "no transaction can begin, for the one before isn't settled yet: \(cause.message)",
                isRetriable: true,
                persistence: .notPersisted
            )
        }
    }

    /// The error of a transaction that was aborted although its body didn't want that.
    private static func aborted(_ cause: MsgBusError) -> MsgBusError {
        var error = cause
        error.code = .transactionAbortable
        error.message = "the transaction is aborted: \(cause.message)"
        error.isRetriable = !hopeless.contains(cause.code)
        error.persistence = .notPersisted
        return error
    }

    /// Causes that the next attempt would meet too.
    private static let hopeless: Set<MsgBusError.Code> = [
        .authorization, .messageTooLarge, .invalidRecord, .unknownTopic, .unknownPartition, .unsupported,
        .configuration,
    ]

    private static let cancelled = MsgBusError(
        .cancelled,
        "the task was cancelled: its transaction is aborted",
        persistence: .notPersisted
    )

    private static let closed = MsgBusError(
        .closed,
        "the writer is closed; a transaction that it was in is aborted",
        persistence: .notPersisted
    )
}
