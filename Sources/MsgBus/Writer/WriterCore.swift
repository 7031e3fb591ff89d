internal import Dispatch
internal import Synchronization

/// What is behind a ``KafkaWriter``: it lives until it is closed, also when nobody holds the writer any more.
///
/// The state is guarded by one lock, which is held while librdkafka is given a message: so messages go out in the order in which
/// they were accepted, and none goes out after a close has begun. Everyone who waits is answered outside of it.
final class WriterCore: Sendable {
    typealias Outcome = WriterState.Outcome

    let config: MsgBusConfig
    let log: BusLog
    let deliveryTimeout: Duration
    let producer: ProducerClient
    let state: Mutex<WriterState>
    /// Only used with the state's lock held.
    nonisolated(unsafe) var batch = ProduceBatch()
    /// Those of the last reports. Only used by the one thread that handles reports, and kept for its memory.
    private nonisolated(unsafe) var answers: [WriterState.Answer] = []
    let timer: DeadlineTimer
    let gathering: DeadlineTimer
    let traces: Traces?
    private let metrics: WriterMetrics?
    private let gauges: DeadlineTimer?
    let closed = OneShot<CloseReport>()
    /// Resolved before ``closed``, which also waits for the handler of undelivered messages.
    let freed = OneShot<CloseReport>()
    let failures = DispatchQueue.ours("msgbus.undelivered")

    var client: KafkaClient { producer.client }
    var status: BusStatus { client.connection.status }

    /// Connects; blocks.
    static func connect(
        _ config: MsgBusConfig,
        _ instruments: Instruments,
        _ cancellation: Cancellation
    ) throws(MsgBusError) -> WriterCore {
        let connector = try Connector(config, .writer, instruments, cancellation)
        let timeout = try WriterProperties.deliveryTimeout(connector)
        // Where the broker makes topics by itself, it says "unknown" until it has.
        let topicDeadline = Moment.now + .seconds(5)
        let (client, _) = try connector.connect {
            () throws(MsgBusError) in
            try KafkaClient.producer(WriterProperties.make(connector), connector)
        } isReady: { (_, metadata) throws(MsgBusError) -> Void? in
            guard case .missing(var error) = metadata else { return () }
            guard error.code == .unknownTopic else {
                if error.isRetriable { return nil }
                throw error
            }
            guard Moment.now > topicDeadline || connector.timeLeft < .milliseconds(200) else { return nil }
            error.message = "the topic doesn't exist, and the broker doesn't make it by itself: create it first"
            throw error
        }
        if config.writer.transactionalID != nil { try initTransactions(client, connector) }
        // An idempotent client asks for its id when it hears from a broker and otherwise only every half second. It wasn't ready
        // to when connecting heard from one, so it hears once more; else the first write would take that half second.
        client.work.async { _ = try? client.topicMetadata(config.topic, within: .milliseconds(500)) }
        return WriterCore(connector, instruments.traces, client, deliveryTimeout: timeout)
    }

    private init(_ connector: Connector, _ traces: Traces?, _ client: KafkaClient, deliveryTimeout: Duration) {
        config = connector.config
        log = connector.log
        self.traces = traces
        metrics = connector.metrics.map { WriterMetrics($0) }
        gauges = connector.metrics.map { _ in DeadlineTimer(queue: client.loop.queue) }
        self.deliveryTimeout = deliveryTimeout
        producer = ProducerClient(client, topic: config.topic)
        let options = config.writer
        state = Mutex(
            WriterState(
                maxMessages: options.bufferMessages,
                maxBytes: options.bufferBytes,
                transactionTimeout: options.transactionalID == nil ? nil : options.transactionTimeout
            )
        )
        timer = DeadlineTimer(queue: client.loop.queue)
        gathering = DeadlineTimer(queue: client.loop.queue)
        failures.setSpecific(key: Self.handlerKey, value: ObjectIdentifier(self))
        timer.start { self.expire() }
        gathering.start { self.admit() }
        gauges?.start { self.setGauges() }
        gauges?.arm(at: .after(config.metricsInterval))
        client.setHandlers(
            KafkaClient.Handlers(
                deliveries: { self.take($0) },
                mayWait: { self.state.withLock { $0.mayReportsWait() } },
                error: { [log] error in log.debug("\(error)") }
            )
        )
    }

    // MARK: Writing

    func enqueueUntraced(_ message: OutgoingMessage, in transaction: TransactionState.ID?) throws(MsgBusError) {
        let size = message.size
        var answers: [WriterState.Answer] = []
        let (failure, takesReports) = state.withLock { state in
            let takesReports = state.mayTakeReports(after: 1)
            do throws(MsgBusError) {
                if state.hasLine, state.isGathering { admit(&state, &answers) }
                try state.checkRoom(for: size, in: transaction)
                try producer.produce(message, tag: state.tag(nil, of: message))
                state.wasTaken(size: size)
                return (MsgBusError?.none, takesReports)
            } catch {
                // There may be room when the caller comes back.
                return (error, takesReports || error.code == .queueFull)
            }
        }
        tell(answers)
        if takesReports { client.takeReports() }
        if let failure { throw failure }
    }

    func enqueueUntraced(
        _ messages: [OutgoingMessage],
        in transaction: TransactionState.ID?
    ) throws(MsgBusError) -> Int {
        var taken = 0
        var failure: MsgBusError?
        while taken < messages.count, failure == nil {
            var answers: [WriterState.Answer] = []
            var unheard: [UndeliveredMessage] = []
            let slice = messages[taken...].prefix(Self.handOverLimit)
            var takesReports = false
            let result = state.withLock { state in
                takesReports = state.mayTakeReports(after: slice.count)
                if state.isGathering { admit(&state, &answers) }
                return enqueue(slice, in: transaction, &state, &unheard)
            }
            taken += result.taken
            failure = result.failure
            tell(answers)
            for failure in unheard { tell(failure) }
            if takesReports || failure?.code == .queueFull { client.takeReports() }
        }
        if let failure, taken == 0 { throw failure }
        return taken
    }

    func writeUntraced(
        _ message: OutgoingMessage,
        in transaction: TransactionState.ID?
    ) async throws(MsgBusError) -> Delivery {
        if Task.isCancelled { throw WriterState.cancelled(.notPersisted) }
        let ticket = Atomic<UInt64>(0)
        let outcome = await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                submit(message, .waiter(.task(continuation)), in: transaction) {
                    ticket.store($0.packed, ordering: .relaxed)
                }
                // The handler may have run before there was anything to cancel. One of the two sees what the other has done.
                atomicMemoryFence(ordering: .sequentiallyConsistent)
                if Task.isCancelled { cancel(ticket) }
            }
        } onCancel: {
            cancel(ticket)
        }
        return try outcome.get()
    }

    func writeBlockingUntraced(_ message: OutgoingMessage) throws(MsgBusError) -> Delivery {
        guard !client.isHandling else {
            let text =
                "a blocking write inside a log handler of the connection would wait for itself: use enqueue(_:) there"
            throw MsgBusError(.state, text, topic: config.topic, persistence: .notPersisted)
        }
        return try Self.blockedThread.use { thread in
            submit(message, .waiter(.thread(thread)))
            // Mostly the answer comes at once.
            client.awaitReports(atMost: .milliseconds(5)) { thread.isAnswered }
            return thread.wait()
        }.get()
    }

    private static let blockedThread = ThreadLocal { BlockedThread<Outcome>() }

    func writeUntraced(
        contentsOf messages: [OutgoingMessage],
        in transaction: TransactionState.ID?
    ) async throws(MsgBusError) -> [Outcome] {
        if case .closed = status { throw MsgBusError(.closed, "the writer is closed", persistence: .notPersisted) }
        guard !messages.isEmpty else { return [] }
        let collector = BatchCollector(count: messages.count)
        let tickets = submit(messages, collector, in: transaction)
        return await withTaskCancellationHandler {
            await collector.outcomes()
        } onCancel: {
            cancel(tickets)
        }
    }

    private func cancel(_ ticket: borrowing Atomic<UInt64>) {
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        if let ticket = WriterState.Ticket(packed: ticket.load(ordering: .relaxed)) { cancel([ticket]) }
    }

    /// Makes a write for which somebody waits: at once, or in the line if there is no room.
    func submit(
        _ message: OutgoingMessage,
        _ audience: WriterState.Audience,
        in transaction: TransactionState.ID? = nil,
        remember: (WriterState.Ticket) -> Void = { _ in }
    ) {
        let deadline = Moment.after(deliveryTimeout)
        let (answer, gatheringTime, isUnwatched) = state.withLock { state in
            let ticket = state.expect(audience, by: deadline)
            remember(ticket)
            let answer = submit(message, ticket, transaction, &state)
            return (answer, state.gatheringTime, state.isUnwatched(deadline))
        }
        if isUnwatched { timer.arm(at: deadline) }
        if let gatheringTime { gathering.arm(at: .after(gatheringTime)) }
        answer?.tell()
    }

    /// librdkafka takes it now, or it waits in the line.
    private func submit(
        _ message: OutgoingMessage,
        _ ticket: WriterState.Ticket,
        _ transaction: TransactionState.ID?,
        _ state: inout WriterState
    ) -> WriterState.Answer? {
        do throws(MsgBusError) {
            try state.checkMayWrite(in: transaction)
            if state.mayGoAtOnce(size: message.size) {
                try producer.produce(message, tag: state.tag(ticket, of: message))
                state.wasTaken(size: message.size)
                return nil
            }
        } catch {
            // Full for librdkafka, not for us: a report will make room, unless there is none to come.
            guard error.code == .queueFull, state.inFlight > 0 else { return state.refused(ticket, error) }
            state.stepInLine(message, ticket, isFull: true)
            return nil
        }
        state.stepInLine(message, ticket)
        return nil
    }

    /// Makes a batch of writes, in order.
    func submit(
        _ messages: [OutgoingMessage],
        _ collector: BatchCollector,
        in transaction: TransactionState.ID? = nil
    ) -> [WriterState.Ticket] {
        let deadline = Moment.after(deliveryTimeout)
        var tickets: [WriterState.Ticket] = []
        tickets.reserveCapacity(messages.count)
        while tickets.count < messages.count {
            var answers: [WriterState.Answer] = []
            state.withLock { state in
                let end = min(messages.count, tickets.count + Self.handOverLimit)
                while tickets.count < end {
                    let ticket = state.expect(.batch(collector, index: tickets.count), by: deadline)
                    tickets.append(ticket)
                    do throws(MsgBusError) {
                        try state.checkMayWrite(in: transaction)
                    } catch {
                        answers.append(state.refused(ticket, error))
                        continue
                    }
                    // In place, for a copy of each message would cost as much as all the rest.
                    let index = tickets.count - 1
                    guard append(messages[index], ticket, &state, &batch) else {
                        send(messages[..<index], tickets, &state, &answers)
                        if !append(messages[index], ticket, &state, &batch) {
                            state.stepInLine(messages[index], ticket)
                        }
                        continue
                    }
                }
                send(messages[..<tickets.count], tickets, &state, &answers)
                admit(&state, &answers)
            }
            tell(answers)
        }
        if state.withLock({ $0.isUnwatched(deadline) }) { timer.arm(at: deadline) }
        return tickets
    }

    func cancel(_ tickets: [WriterState.Ticket]) {
        let answers = state.withLock { state in tickets.compactMap { state.cancel($0) } }
        for answer in answers { answer.tell() }
        // The line may have lost its first, which had no room where the next one has.
        admit()
    }

    // MARK: Deliveries, on the poll loop's queue or on a thread that writes

    private func take(_ reports: DeliveryReports) {
        metrics?.record(reports)
        var unheard: [UndeliveredMessage] = []
        defer { answers.removeAll(keepingCapacity: true) }
        var isTurn = false
        let flushes = state.withLock { state in
            for messages in reports.unwatched { state.delivered(messages) }
            for report in reports.watched {
                let answer = state.reported(report.tag, size: report.size, outcome(of: report))
                if let answer {
                    answers.append(answer)
                } else if let failure = report.failure, !state.hasTransactions {
                    unheard.append(UndeliveredMessage(message: failure.message, error: failure.error))
                }
            }
            isTurn = state.beginTurn(of: answers.count { $0.audience.isTask })
            if state.mayLineGo { admit(&state, &answers) }
            return state.finishedFlushes()
        }
        for answer in answers { answer.tell() }
        // It runs when those before it have run, where all tasks wait in one line: on the pool of threads that they share.
        if isTurn { Task { endTurn() } }
        for flush in flushes { flush.resume(nil) }
        for failure in unheard { tell(failure) }
    }

    private func setGauges() {
        let (messages, bytes) = state.withLock { ($0.inFlight, $0.bytesInFlight) }
        metrics?.setQueue(messages: messages, bytes: bytes)
        gauges?.arm(at: .after(config.metricsInterval))
    }

    /// Not on the loop's queue, where the last look may just be going on.
    func endGauges() {
        client.loop.queue.sync {
            gauges?.cancel()
            metrics?.setQueue(messages: 0, bytes: 0)
        }
    }

    private func endTurn() {
        var answers: [WriterState.Answer] = []
        state.withLock { state in
            state.endTurn()
            if state.phase == .open, state.mayLineGo { admit(&state, &answers) }
        }
        tell(answers)
    }

    private func outcome(of report: DeliveryReport) -> Outcome {
        if let failure = report.failure { return .failure(failure.error) }
        return .success(
            Delivery(
                topic: config.topic,
                partition: report.partition,
                offset: report.offset,
                timestamp: report.timestamp,
                latency: report.latency
            )
        )
    }

    private func admit() {
        var answers: [WriterState.Answer] = []
        let flushes = state.withLock { state in
            if state.phase == .open { admit(&state, &answers) }
            return state.finishedFlushes()
        }
        for answer in answers { answer.tell() }
        for flush in flushes { flush.resume(nil) }
    }

    /// Tells those of the line that could not be sent.
    private func tell(_ answers: [WriterState.Answer]) {
        guard !answers.isEmpty else { return }
        for answer in answers { answer.tell() }
        // Somebody may flush who waited for nothing else.
        admit()
    }

    func tell(_ failure: UndeliveredMessage) {
        guard let handler = config.writer.onUndelivered else {
            log.error("undelivered \(failure.message): \(failure.error)")
            return
        }
        failures.async { handler(failure) }
    }

    private func expire() {
        let (answers, flushes, next) = state.withLock { $0.expire(at: .now, deliveryTimeout) }
        for answer in answers { answer.tell() }
        for flush in flushes { flush.resume(WriterState.flushTimeout) }
        if let next { timer.arm(at: next) }
        admit()
    }
}
