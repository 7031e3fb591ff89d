/// Everything that a writer has to remember, without any input or output: which messages are on their way, who waits for
/// which, who waits for room.
///
/// A message that has somebody waiting has a slot; librdkafka reports exactly once on each message that it took. Each message also
/// belongs to an epoch, which a flush ends: a flush waits until its epoch and all before it are empty.
///
/// Not copyable, for a copy of all this, in a closure perhaps, would cost more than a write. And what is asked for each message is
/// `mutating`, though it changes nothing: to lend it to a function that isn't, Swift 6.3 copies all its bytes.
struct WriterState: ~Copyable {
    typealias Outcome = Result<Delivery, MsgBusError>

    /// A message in the line.
    struct Waiting {
        let message: OutgoingMessage
        let ticket: Ticket
        let epoch: UInt32
    }

    struct FlushWaiter {
        let id: UInt64
        let epoch: UInt32
        let deadline: Moment
        let waiter: Waiter<MsgBusError?>
    }

    enum Phase { case open, closing, closed }

    var phase = Phase.open
    /// Nil for a writer without transactions.
    var transactions: TransactionState?
    /// Whether there are any; to ask them, even whether they are, costs a copy.
    let hasTransactions: Bool
    /// What was delivered before the transaction began.
    private var deliveredBefore = 0
    var delivered = 0
    var undelivered = 0
    /// How many of them nobody waited for.
    var unheardFailures = 0
    var inFlight = 0
    /// How many messages that nobody waits for came since the last time that somebody looked.
    private var enqueued = (sinceReports: 0, sinceLook: 0)
    private var isTurnOfOthers = false
    private var isLineForRoom = false
    /// How long the last message took.
    private var latency = Duration.zero
    /// How many were on their way when the close's time was over.
    var abandoned = 0
    private(set) var bytesInFlight = 0
    private let maxMessages: Int
    private let maxBytes: Int

    /// When somebody looks next for whose time is over.
    var watched: Moment?
    var slots = WriteSlots()
    private var line = FIFO<Waiting>()

    var epoch: UInt32 = 0
    var pendingInEpoch = 0
    var olderEpochs: [(epoch: UInt32, pending: Int)] = []
    var flushWaiters: [FlushWaiter] = []
    var lastFlushID: UInt64 = 0

    /// - Parameter transactionTimeout: Nil for a writer without transactions.
    init(maxMessages: Int, maxBytes: Int, transactionTimeout: Duration? = nil) {
        self.maxMessages = maxMessages
        self.maxBytes = maxBytes
        transactions = transactionTimeout.map { TransactionState(timeout: $0) }
        hasTransactions = transactions != nil
    }

    // MARK: Who takes the reports

    /// Messages that nobody waits for are about to be handed over.
    ///
    /// - Returns: Whether their thread takes reports too: where there are many messages, it had better free what it allocates.
    mutating func mayTakeReports(after count: Int) -> Bool {
        enqueued.sinceLook += count
        enqueued.sinceReports += count
        guard enqueued.sinceReports >= 256 else { return false }
        enqueued.sinceReports = 0
        return true
    }

    /// Whether reports may wait for two milliseconds: nobody waits for one, and those who enqueue will take them, or are asked again.
    mutating func mayReportsWait() -> Bool {
        defer { enqueued.sinceLook = 0 }
        return enqueued.sinceLook >= 256 && phase == .open && slots.count == 0 && !hasFlushWaiters && !hasTransactions
    }

    // MARK: Room

    /// A message larger than all room goes when it is alone.
    func hasRoom(for size: Int) -> Bool {
        inFlight == 0 || (inFlight < maxMessages && bytesInFlight + size <= maxBytes)
    }

    /// The front of the line is always somebody who still waits.
    var hasLine: Bool { !line.isEmpty }

    /// Room, or the error for who doesn't wait for it.
    @inline(__always)
    mutating func checkRoom(for size: Int, in transaction: TransactionState.ID?) throws(MsgBusError) {
        // Mostly it is as easy as that.
        if phase == .open, !hasTransactions, line.isEmpty, hasRoom(for: size) { return }
        try checkRoomAtLength(for: size, in: transaction)
    }

    private mutating func checkRoomAtLength(for size: Int, in transaction: TransactionState.ID?) throws(MsgBusError) {
        try checkMayWrite(in: transaction)
        guard line.isEmpty, hasRoom(for: size) else {
            throw MsgBusError(
                .queueFull,
                "\(inFlight) messages with \(bytesInFlight) bytes are on their way, and the writer's buffer holds "
                    + "\(maxMessages) and \(maxBytes): wait, or use an awaiting write",
                isRetriable: true,
                persistence: .notPersisted
            )
        }
    }

    mutating func checkOpen() throws(MsgBusError) {
        guard phase == .open else {
            throw MsgBusError(.closed, "the writer is closed", persistence: .notPersisted)
        }
    }

    /// Checks that a write is allowed, by this transaction or by none.
    mutating func checkMayWrite(in transaction: TransactionState.ID?) throws(MsgBusError) {
        try checkOpen()
        if hasTransactions { try transactions?.check(transaction) }
    }

    // MARK: Writes

    /// Somebody waits for a message that is about to be handed over.
    mutating func expect(_ audience: Audience, by deadline: Moment) -> Ticket {
        slots.take(for: audience, by: deadline)
    }

    /// Whether nobody looks at the clock in time for a deadline: then the caller has to see to it.
    mutating func isUnwatched(_ deadline: Moment) -> Bool {
        if let watched, watched <= deadline { return false }
        watched = deadline
        return true
    }

    /// The number that goes with a message to librdkafka and comes back with its report.
    func tag(_ ticket: Ticket?, of message: OutgoingMessage, epoch: UInt32? = nil) -> MessageTag {
        MessageTag(epoch: epoch ?? self.epoch, slot: ticket?.slot, hasHeaders: !message.headers.isEmpty)
    }

    /// librdkafka took a message that was not in the line.
    mutating func wasTaken(size: Int) {
        pendingInEpoch += 1
        count(size)
    }

    private mutating func count(_ size: Int) {
        inFlight += 1
        bytesInFlight += size
    }

    /// Whether an awaited write goes at once, which it does when it is alone, or when hardly any are under way.
    mutating func mayGoAtOnce(size: Int) -> Bool { line.isEmpty && hasRoom(for: size) && !isWorthGathering }

    /// Whether further writes had better wait for those under way, for a moment, and then go together.
    ///
    /// An idempotent producer sends nothing of a partition while five of its messages are under way, and if it has messages that it
    /// may not send, its thread looks for the answer without a pause (librdkafka 2.0.2, rd_kafka_toppar_producer_serve).
    var isWorthGathering: Bool { isTurnOfOthers || (few..<1000).contains(inFlight) }

    private let few = 5

    /// Several tasks are told at once, and each is likely to write again at once: those writes gather until all tasks had their turn.
    ///
    /// - Returns: Whether somebody has to find out when they had.
    mutating func beginTurn(of tasks: Int) -> Bool {
        guard tasks >= few, !isTurnOfOthers else { return false }
        isTurnOfOthers = true
        return true
    }

    mutating func endTurn() { isTurnOfOthers = false }

    /// Whether the line doesn't wait for room.
    var isGathering: Bool {
        mutating get {
            guard !isLineForRoom, let first = line.first else { return false }
            return hasRoom(for: first.message.size)
        }
    }

    /// Whether the line goes as far as there is room: it goes on with each report if it waits for room, and else when it was worth it.
    var mayLineGo: Bool { mutating get { !isGathering || !isWorthGathering } }

    /// There is no room for the line, here or in librdkafka: each report lets it go on, until it is empty.
    mutating func lineIsForRoom() { isLineForRoom = true }

    /// How long its first message waits, if that has just come: about as long as an answer takes, for the partition whose answer is
    /// awaited may be another one, and its broker dead.
    var gatheringTime: Duration? {
        mutating get {
            line.count == 1 && isGathering ? min(max(latency * 2, .milliseconds(1)), .milliseconds(100)) : nil
        }
    }

    /// - Parameter isFull: Whether librdkafka has no room, which it may not have where this still has.
    mutating func stepInLine(_ message: OutgoingMessage, _ ticket: Ticket, isFull: Bool = false) {
        pendingInEpoch += 1
        if line.isEmpty { isLineForRoom = false }
        if isFull || !hasRoom(for: message.size) { isLineForRoom = true }
        slots[ticket.slot].isInLine = true
        slots[ticket.slot].epoch = epoch
        line.append(Waiting(message: message, ticket: ticket, epoch: epoch))
    }

    /// The first ones of the line, as many as there is room for; they stay there.
    mutating func firstWithRoom(upTo limit: Int) -> [Waiting] {
        var first: [Waiting] = []
        var bytes = bytesInFlight
        for waiting in line where slots.isInLine(waiting.ticket) {
            let size = waiting.message.size
            let count = inFlight + first.count
            guard first.count < limit, count == 0 || (count < maxMessages && bytes + size <= maxBytes) else { break }
            bytes += size
            first.append(waiting)
        }
        return first
    }

    mutating func firstWasTaken() {
        guard let first = popLine() else { return }
        count(first.message.size)
    }

    private mutating func popLine() -> Waiting? {
        let first = line.popFirst()
        if let first { slots[first.ticket.slot].isInLine = false }
        trimLine()
        return first
    }

    /// Lets those at the front go who don't wait any more.
    private mutating func trimLine() {
        while let first = line.first, !slots.isInLine(first.ticket) { _ = line.popFirst() }
    }

    mutating func firstFailed(_ error: MsgBusError) -> Answer? {
        guard let first = popLine() else { return nil }
        leaveEpoch(first.epoch)
        return settle(first.ticket.slot, .failure(error))
    }

    /// librdkafka has reported on a message.
    ///
    /// - Returns: Who is to be told, or nil when nobody had asked.
    mutating func reported(_ tag: MessageTag, size: Int, _ outcome: Outcome) -> Answer? {
        inFlight -= 1
        bytesInFlight -= size
        switch outcome {
        case .success(let delivery):
            delivered += 1
            latency = delivery.latency
        case .failure(let error):
            undelivered += 1
            transactions?.lost(error)
        }
        leaveEpoch(tag.epoch)
        if let slot = tag.slot { return settle(slot, outcome) }
        // Who is in a transaction hears of it by the transaction's end.
        if !hasTransactions, case .failure = outcome { unheardFailures += 1 }
        return nil
    }

    /// librdkafka has delivered messages that nobody waits for.
    mutating func delivered(_ messages: DeliveryReports.Unwatched) {
        inFlight -= messages.count
        bytesInFlight -= messages.bytes
        delivered += messages.count
        leaveEpoch(messages.tag.epoch, messages.count)
    }

    /// librdkafka did not take a message that was counted already.
    mutating func wasNotTaken(size: Int) {
        inFlight -= 1
        bytesInFlight -= size
        leaveEpoch(epoch)
    }

    /// A write that was refused before it counted for anything.
    mutating func refused(_ ticket: Ticket, _ error: MsgBusError) -> Answer {
        settle(ticket.slot, .failure(error))
    }

    private mutating func settle(_ index: Int, _ outcome: Outcome) -> Answer {
        Answer(slots.vacate(index), outcome)
    }

    /// The caller doesn't wait any more. A message in the line is never sent; one on its way goes on.
    mutating func cancel(_ ticket: Ticket) -> Answer? {
        guard slots.isCurrent(ticket) else { return nil }
        if let answer = leaveLine(ticket, Self.cancelled(.notPersisted)) { return answer }
        let audience = slots.dismissAudience(ticket.slot)
        if case .nobody = audience { return nil }
        return Answer(audience, .failure(Self.cancelled(.possiblyPersisted)))
    }

    static func cancelled(_ persistence: MsgBusError.Persistence) -> MsgBusError {
        let fate = persistence == .notPersisted ? "the message wasn't sent" : "the message may still be delivered"
        return MsgBusError(.cancelled, "the task was cancelled; \(fate)", persistence: persistence)
    }

    mutating func leaveLine(_ ticket: Ticket, _ error: MsgBusError) -> Answer? {
        guard slots.isInLine(ticket) else { return nil }
        leaveEpoch(slots[ticket.slot].epoch)
        let answer = settle(ticket.slot, .failure(error))
        trimLine()
        return answer
    }

    // MARK: Transactions

    mutating func transactionBegan() { deliveredBefore = delivered }

    /// What the transaction had delivered is taken back.
    mutating func transactionWasAborted() {
        undelivered += delivered - deliveredBefore
        delivered = deliveredBefore
    }

    /// What waits for room in a transaction that is aborted never goes.
    mutating func emptyLine() -> [Answer] {
        var answers: [Answer] = []
        let error = MsgBusError(
            .purged,
            "the transaction is aborted: the message wasn't sent",
            persistence: .notPersisted
        )
        while let answer = firstFailed(error) { answers.append(answer) }
        // As if it had been handed over, which is chance.
        undelivered += answers.count
        return answers
    }
}
