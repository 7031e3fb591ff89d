internal import Dispatch
internal import Synchronization

// Closing: what is on its way is delivered or given up, and everyone is answered.
extension WriterCore {
    /// Begins to close, once; ``end`` has the report in the end, at the latest after that time.
    ///
    /// - Returns: Whether this call did it.
    @discardableResult
    func close(within time: Duration) -> Bool {
        let answers: [WriterState.Answer]? = state.withLock { state in
            guard state.phase == .open else { return nil }
            var answers: [WriterState.Answer] = []
            admit(&state, &answers)
            return answers + state.beginClose()
        }
        guard let answers else { return false }
        client.beginClose()
        for answer in answers { answer.tell() }
        let deadline = Moment.now + max(.zero, time)
        // Whatever librdkafka, a handler or a logger does, nobody waits longer.
        let watchdog = DeadlineTimer(queue: .ours("msgbus.deadline"))
        watchdog.start { self.giveUpWaiting() }
        watchdog.arm(at: deadline)
        client.work.async {
            self.finish(by: deadline)
            self.closed.whenResolved { _ in watchdog.cancel() }
        }
        return true
    }

    /// Delivers what is left or gives it up, and frees the client. On `work`.
    private func finish(by deadline: Moment) {
        // Giving up takes a few milliseconds, which are the close's too.
        let timeout = Moment.now.duration(to: deadline)
        let giveUp = deadline - min(timeout / 10, .milliseconds(500))
        closeTransactions(by: giveUp)
        while inFlight > 0, Moment.now < giveUp {
            producer.flush(within: min(.milliseconds(100), Moment.now.duration(to: giveUp)))
        }
        if state.withLock({ $0.abandon() }) > 0 {
            producer.purge()
            // The reports are on their way to the poll loop.
            while inFlight > 0, Moment.now < deadline { producer.flush(within: .milliseconds(5)) }
        }
        handleReports()
        timer.cancel()
        gathering.cancel()
        endGauges()
        let (answers, flushes) = state.withLock { $0.endClose() }
        for answer in answers { answer.tell() }
        for flush in flushes { flush.resume(MsgBusError(.closed, "the writer was closed while flushing")) }
        endTransactions()
        client.destroy(isClean: true)
        freed.resolve(report())
        failures.async { [self] in closed.resolve(report()) }
    }

    /// Handles all reports that are there, which nobody may have taken yet: what was delivered, or given up, is told so.
    private func handleReports() {
        var before: Int
        repeat {
            before = inFlight
            client.takeReports()
            client.awaitHandlers()
        } while (1..<max(1, before)).contains(inFlight)
    }

    private func giveUpWaiting() {
        guard closed.valueIfDone == nil else { return }
        defer { log.warning("the writer's close goes on in the background: its time is over") }
        _ = state.withLock { $0.abandon() }
        freed.resolve(report())
        closed.resolve(report())
    }

    static let handlerKey = DispatchSpecificKey<ObjectIdentifier>()

    /// The end of a close, for who waits for it: inside the handler of undelivered messages, that handler isn't waited for.
    var end: OneShot<CloseReport> {
        DispatchQueue.getSpecific(key: Self.handlerKey) == ObjectIdentifier(self) ? freed : closed
    }

    /// How many messages failed that nobody had waited for.
    var unheard: Int { state.withLock { $0.unheard } }

    private var inFlight: Int { state.withLock { $0.inFlight } }

    private func report() -> CloseReport {
        state.withLock {
            CloseReport(
                delivered: $0.delivered,
                undelivered: $0.undelivered + $0.inFlight,
                abandoned: $0.abandoned
            )
        }
    }
}
