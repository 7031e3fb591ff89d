internal import Dispatch
internal import Synchronization

// Everything here that calls librdkafka runs on `work`, one short call after another: in between, others have their turn there, and
// a close can step in.

extension WriterCore {
    /// How long one call may take: long enough for librdkafka's own thread to get a turn on a busy machine, since a call that is given
    /// up in its first phase leaves an answer behind that the next call would take for its own.
    private static let slice = Duration.seconds(1)

    /// Gets the transactional id; blocks.
    static func initTransactions(_ client: KafkaClient, _ connector: Connector) throws(MsgBusError) {
        let producer = ProducerClient(client, topic: connector.config.topic)
        do throws(MsgBusError) {
            while true {
                try connector.cancellation.check()
                guard let failure = producer.initTransactions(within: min(slice, connector.timeLeft)) else { return }
                var error = failure.error
                error.message = "can't begin with the transactionalID: \(error.message)"
                guard failure.remedy == .again, connector.timeLeft > .zero else { throw error }
                connector.cancellation.sleep(min(.milliseconds(20), connector.timeLeft))
            }
        } catch {
            connector.discard(client)
            throw error
        }
    }

    // MARK: For the task of a transaction

    /// Waits for its turn, and begins.
    func begin(_ id: TransactionState.ID, inside enclosing: [TransactionState.ID]) async throws(MsgBusError) {
        let turn = await ask(id) { transactions, waiter in transactions.enter(id, inside: enclosing, waiter) }
        if let turn { throw turn }
        let error = await ask(id) { transactions, waiter in transactions.begin(id, at: .now, waiter) }
        if let error { throw error }
    }

    /// Commits or aborts.
    ///
    /// - Returns: Why it isn't committed, or not known to be; for an abort, its cause if that is the transaction's own.
    func end(_ id: TransactionState.ID, commit: Bool, needsDiagnosis: Bool = false) async -> MsgBusError? {
        await ask(id) { transactions, waiter in
            transactions.end(id, commit: commit, needsDiagnosis: needsDiagnosis, at: .now, waiter)
        }
    }

    func acknowledge(
        _ done: [Stretch],
        of reader: ReaderCore,
        in id: TransactionState.ID
    ) throws(MsgBusError) {
        try state.withLock { state throws(MsgBusError) in
            try state.checkMayWrite(in: id)
            state.transactions?.acknowledge(done, of: reader)
        }
    }

    private func ask(
        _ id: TransactionState.ID,
        _ question: @escaping @Sendable (inout TransactionState, Waiter<MsgBusError?>) -> TransactionState.Outcome
    ) async -> MsgBusError? {
        await withTaskCancellationHandler {
            await withUnsafeContinuation { (continuation: UnsafeContinuation<MsgBusError?, Never>) in
                let outcome = state.withLock { state in
                    state.askTransactions(question, .task(continuation))
                }
                tell(outcome)
                // The handler may have run before there was anything to cancel.
                if Task.isCancelled { cancelTransaction(id) }
                if state.withLock({ $0.transactions?.drive() ?? false }) { drive() }
            }
        } onCancel: {
            cancelTransaction(id)
        }
    }

    private func cancelTransaction(_ id: TransactionState.ID) {
        tell(state.withLock { $0.transactions?.cancel(id) })
    }

    private func tell(_ outcome: TransactionState.Outcome?) {
        guard let outcome else { return }
        // librdkafka's own report of it comes too, but after the answer.
        if let error = outcome.fatal { _ = client.connection.report(error) }
        for claim in outcome.committed { claim.reader.didCommit(claim) }
        for (waiter, error) in outcome.answers { waiter.resume(error) }
    }

    // MARK: Steps, on `work`

    private func drive(after pause: Duration = .zero) {
        client.work.asyncAfter(deadline: .now() + .milliseconds(pause.milliseconds)) { [self] in
            // A close goes on with it by itself.
            guard !client.isClosed, let pause = step() else { return }
            drive(after: pause)
        }
    }

    /// Does what is next.
    ///
    /// - Returns: How long to wait for the step after it; nil when there is none.
    private func step() -> Duration? {
        let (step, answers) = state.withLock { $0.nextTransactionStep() }
        for answer in answers { answer.tell() }
        switch step {
        case nil:
            return nil
        case .flush:
            producer.flush(within: .milliseconds(100))
            // What was delivered is counted there.
            client.awaitHandlers()
            return .zero
        case .diagnose:
            let failure = producer.transactionFailure()
            tell(state.withLock { $0.transactions?.didDiagnose(failure) })
            return .zero
        case .sendOffsets(let acknowledgements):
            return sendOffsets(acknowledgements)
        case .call(let call):
            let failure = perform(call)
            // The reports of its messages are in before it ends.
            client.awaitHandlers()
            tell(state.withLock { $0.did(call, failure) })
            return failure == nil ? .zero : .milliseconds(20)
        }
    }

    private func perform(_ call: TransactionState.Call) -> TransactionFailure? {
        switch call {
        case .begin: producer.beginTransaction()
        case .commit: producer.commitTransaction(within: Self.slice)
        case .abort: producer.abortTransaction(within: Self.slice)
        }
    }

    private func sendOffsets(_ acknowledgements: [TransactionState.Acknowledgements]) -> Duration {
        var claims: [ReaderCore.Claim] = []
        do throws(MsgBusError) {
            // All are asked before the first is sent: the answer of one may wait for what another has sent.
            for acknowledgement in acknowledgements {
                claims.append(try acknowledgement.reader.claim(acknowledgement.done, within: .seconds(10)))
            }
        } catch {
            state.withLock { $0.transactions?.offsetsRefused(error, at: .now) }
            return .zero
        }
        var failure: TransactionFailure?
        for claim in claims where failure == nil {
            failure = producer.sendOffsets(claim.offsets, of: claim.group, within: .seconds(10))
        }
        tell(state.withLock { $0.transactions?.didSendOffsets(claims, failure, at: .now) })
        return failure == nil ? .zero : .milliseconds(20)
    }

    // MARK: Close, on `work`

    /// Aborts what is in the middle, finishes what is at its end.
    func closeTransactions(by deadline: Moment) {
        tell(state.withLock { $0.transactions?.close(by: deadline) })
        let clock = Cancellation()
        while Moment.now < deadline, let pause = step() { clock.sleep(pause) }
    }

    /// Answers whoever is left.
    func endTransactions() {
        tell(state.withLock { $0.endTransactions() })
    }
}

extension WriterState {
    mutating func askTransactions(
        _ question: @escaping @Sendable (inout TransactionState, Waiter<MsgBusError?>) -> TransactionState.Outcome,
        _ waiter: Waiter<MsgBusError?>
    ) -> TransactionState.Outcome {
        do throws(MsgBusError) {
            try checkOpen()
        } catch {
            return TransactionState.Outcome(answers: [(waiter, error)])
        }
        guard transactions != nil else {
            let error = MsgBusError(.state, "the writer has no transactions: set WriterOptions.transactionalID")
            return TransactionState.Outcome(answers: [(waiter, error)])
        }
        return question(&transactions!, waiter)
    }

    /// The next step; before an abort, those who wait for room are told that they wait in vain.
    mutating func nextTransactionStep() -> (step: TransactionState.Step?, answers: [Answer]) {
        let pending = pending
        let step = transactions?.next(pending: pending, at: .now)
        return (step, transactions?.isAborting == true ? emptyLine() : [])
    }

    mutating func did(_ call: TransactionState.Call, _ failure: TransactionFailure?) -> TransactionState.Outcome {
        let wasAborting = transactions?.isAborting == true
        let outcome = transactions?.did(call, failure, at: .now) ?? TransactionState.Outcome()
        if call == .begin, failure == nil { transactionBegan() }
        // Also where the cluster doesn't know yet: without a commit, an abort takes place sooner or later.
        let isGivenUp = wasAborting && transactions?.isAborting == false
        if isGivenUp || (call == .abort && failure == nil) || outcome.fatal != nil { transactionWasAborted() }
        return outcome
    }

    mutating func endTransactions() -> TransactionState.Outcome {
        if transactions?.isAborting == true { transactionWasAborted() }
        return transactions?.endClose() ?? TransactionState.Outcome()
    }
}
