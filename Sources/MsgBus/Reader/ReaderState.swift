/// Everything that a reader has to remember, without any input or output: the messages that wait, who waits for them, the
/// callback, and how far a group is.
struct ReaderState {
    /// What a read gets.
    enum Answer: Sendable {
        case messages(MessageBatch)
        case late
        case failure(MsgBusError)
    }

    /// Resumed outside the lock.
    typealias Resumption = (waiter: Waiter<Answer>, answer: Answer)

    /// What has to be done outside the lock after a read or an acknowledgement.
    struct Effects: OptionSet {
        let rawValue: Int
        /// There is room again: take more from librdkafka.
        static let fill = Effects(rawValue: 1)
        /// Something can be committed for the first time since the last commit.
        static let commit = Effects(rawValue: 2)
        /// The end of partitions was reached: ``takeCaughtUp()``.
        static let caughtUp = Effects(rawValue: 4)
        /// Partitions stop or go on flowing: ``beginFlowChanges()``.
        static let flow = Effects(rawValue: 8)
    }

    struct Reading {
        let id: UInt64
        let limit: Int
        let caller: Caller
        let deadline: Moment?
        let waiter: Waiter<Answer>
    }

    struct Callback {
        let body: @Sendable (Message) throws -> Void
    }

    enum Phase {
        case open
        /// Nothing is handed out any more; what was can still be acknowledged.
        case closing
        /// The last commit is being made.
        case closed
    }

    private(set) var phase = Phase.open
    var progress = Progress()
    var buffer = MessageBuffer()
    var readings = FIFO<Reading>()
    private var lastID: UInt64 = 0
    private var inHand: [Caller: [Stretch]] = [:]
    var callback: Callback?
    /// Whether somebody runs or is about to run callbacks.
    var isPumping = false
    /// The partition of the message that the callback has.
    var called: TopicPartition?
    var pumpWaiters: [Waiter<MsgBusError?>] = []
    var isCallbackClosing = false
    /// Taking stopped since there was no room.
    private var isFull = false
    var hasNews = false
    private var isCommitScheduled = false
    var failure: MsgBusError?

    /// Counts what makes messages that were taken before it count no more: assignments and seeks.
    var epoch = 0
    var flows: [TopicPartition: Flow] = [:]
    /// Who wants nothing to be taken from librdkafka just now: rebalances and seeks.
    var suspensions = 0
    var hasEnds = false
    var flowChanges = FlowChanges()
    var redelivery = Redelivery()
    private var lastTaken = 0
    private var idleTicks = 0

    private let maxMessages: Int
    private let maxBytes: Int
    let policy: FailurePolicy?
    let isGroup: Bool
    let ackMode: AckMode

    init(_ options: ReaderOptions, isGroup: Bool) {
        maxMessages = options.queueMessages
        maxBytes = options.queueBytes
        ackMode = options.ackMode
        policy = options.failurePolicy
        self.isGroup = isGroup
    }

    // MARK: In

    /// How many messages may be taken from librdkafka now; zero remembers that it was asked for.
    mutating func room() -> Int {
        guard phase == .open, suspensions == 0, failure?.isFatal != true else { return 0 }
        isFull = buffer.count >= maxMessages || buffer.byteCount >= maxBytes
        return isFull ? 0 : maxMessages - buffer.count
    }

    /// Adds messages; serves who waits.
    ///
    /// - Returns: Who is to be resumed, and whether callbacks have to be started.
    mutating func offer(
        _ batch: RecordBatch,
        ends: [TopicPartition: Int64] = [:]
    ) -> (resumptions: [Resumption], startPump: Bool) {
        // A reader may have failed since it asked for them.
        guard phase == .open, failure?.isFatal != true else { return ([], false) }
        buffer.append(batch)
        arrived(batch, ends)
        return serve()
    }

    /// Gives what is there to those who wait.
    mutating func serve() -> (resumptions: [Resumption], startPump: Bool) {
        guard phase == .open else { return ([], false) }
        var resumptions: [Resumption] = []
        while hasMessages, let reading = readings.popFirst() {
            resumptions.append((reading.waiter, .messages(take(reading.limit, for: reading.caller))))
        }
        return (resumptions, startPump())
    }

    /// Whether a read would get something.
    var hasMessages: Bool { !buffer.isEmpty || due != nil }

    /// What has to be done now; each is said once.
    mutating func effects() -> Effects {
        var effects: Effects = []
        if isFull, buffer.count <= maxMessages / 2, buffer.byteCount <= maxBytes / 2 {
            isFull = false
            effects.insert(.fill)
        }
        if hasNews, !isCommitScheduled {
            isCommitScheduled = true
            effects.insert(.commit)
        }
        if hasEnds, buffer.isEmpty { effects.insert(.caughtUp) }
        if !flowChanges.isEmpty, !flowChanges.isScheduled {
            flowChanges.isScheduled = true
            effects.insert(.flow)
        }
        return effects
    }

    /// Asked for every third of the longest time that an application may take for its messages: whether that time is over.
    mutating func isStalled() -> Bool {
        let waits = phase == .open && (!buffer.isEmpty || isPumping)
        idleTicks = waits && buffer.taken == lastTaken ? idleTicks + 1 : 0
        lastTaken = buffer.taken
        return idleTicks == 3
    }

    /// Reads fail, those that wait now and the next one once the messages that are there are taken; all if it is for good.
    mutating func fail(_ error: MsgBusError) -> [Resumption] {
        if error.isFatal || readings.isEmpty { failure = error }
        var resumptions: [Resumption] = []
        while let reading = readings.popFirst() { resumptions.append((reading.waiter, .failure(error))) }
        return resumptions
    }

    // MARK: Out

    var available: Int { phase == .open ? buffer.count + dueCount : 0 }

    /// Takes what is there; empty when the caller has to wait.
    mutating func read(upTo limit: Int, for caller: Caller) throws(MsgBusError) -> MessageBatch {
        try comeBack(caller)
        // Those who wait already come first.
        guard readings.isEmpty else { return MessageBatch() }
        return take(limit, for: caller)
    }

    /// The same for a single message.
    mutating func readOne(for caller: Caller) throws(MsgBusError) -> Message? {
        try comeBack(caller)
        guard readings.isEmpty, let message = takeOne() else { return nil }
        if finishesByItself, caller != .none { inHand[caller] = [Stretch(message)] }
        return message
    }

    /// Takes one message for a loop that is done with its last one; nil when it has to wait.
    ///
    /// A loop's messages are not in ``inHand``: the loop names its last one itself, which costs less.
    mutating func next(after last: Stretch?, for caller: Caller) throws(MsgBusError) -> Message? {
        if let last { finish(last) }
        try comeBack(caller)
        return readings.isEmpty ? takeOne() : nil
    }

    /// A loop was left while it had a message: it is done when the loop's task reads on, like one that a read returned.
    mutating func left(_ last: Stretch, by caller: Caller) {
        if phase == .open { inHand[caller, default: []].append(last) }
    }

    /// Checks that reading is allowed, and that what the caller had in hand is done.
    private mutating func comeBack(_ caller: Caller) throws(MsgBusError) {
        try checkOpen()
        guard callback == nil else {
            throw MsgBusError(.state, "a callback is registered: unregister it before you read")
        }
        if caller != .none, let done = inHand.removeValue(forKey: caller) {
            for stretch in done { finish(stretch) }
        }
        if let failure, !hasMessages {
            if !failure.isFatal { self.failure = nil }
            throw failure
        }
    }

    /// Whether messages are done by themselves; with `.manual` the application says so.
    var finishesByItself: Bool { isGroup && ackMode == .automatic }

    /// Messages are done by somebody's coming back.
    mutating func finish(_ done: Stretch) {
        guard !redelivery.isEmpty else {
            if finishesByItself, progress.finish(done) { hasNews = true }
            return
        }
        // Those that were rejected meanwhile wait to come again.
        for offset in done.offsets where !redelivery.isPending(done.partition, offset) {
            let message = Stretch(done.partition, offset..<(offset + 1), done.epoch)
            if finishesByItself, progress.finish(message) { hasNews = true }
            settled(message)
        }
    }

    mutating func wait(
        upTo limit: Int,
        for caller: Caller,
        until deadline: Moment?,
        _ id: UInt64,
        _ waiter: Waiter<Answer>
    ) -> Resumption? {
        do throws(MsgBusError) {
            try comeBack(caller)
        } catch {
            return (waiter, .failure(error))
        }
        if readings.isEmpty, hasMessages { return (waiter, .messages(take(limit, for: caller))) }
        readings.append(Reading(id: id, limit: limit, caller: caller, deadline: deadline, waiter: waiter))
        return nil
    }

    mutating func nextID() -> UInt64 {
        lastID += 1
        return lastID
    }

    mutating func cancel(_ id: UInt64) -> Resumption? {
        guard let reading = readings.remove(where: { $0.id == id }) else { return nil }
        return (
            reading.waiter, .failure(MsgBusError(.cancelled, "the task was cancelled while it waited for a message"))
        )
    }

    mutating func expire(at now: Moment) -> (late: [Resumption], next: Moment?) {
        var late: [Resumption] = []
        var next: Moment?
        var waiting = FIFO<Reading>()
        while let reading = readings.popFirst() {
            if let deadline = reading.deadline {
                guard deadline > now else {
                    late.append((reading.waiter, .late))
                    continue
                }
                next = min(next ?? deadline, deadline)
            }
            waiting.append(reading)
        }
        readings = waiting
        return (late, next)
    }

    private mutating func take(_ limit: Int, for caller: Caller) -> MessageBatch {
        var messages = MessageBatch()
        var handedOut: [Stretch] = []
        while !redelivery.isEmpty, messages.count < limit, let again = takeDue(forCallback: false) {
            messages.append(again.batch, again.index..<(again.index + 1))
            handedOut.append(Stretch(again))
        }
        while let (batch, range) = buffer.popFirst(upTo: limit - messages.count) {
            messages.append(batch, range)
            guard isGroup else { continue }
            for stretch in batch.stretches(at: range) {
                progress.handOut(stretch)
                handedOut.append(stretch)
            }
        }
        if finishesByItself, caller != .none, !messages.isEmpty { inHand[caller] = handedOut }
        return messages
    }

    mutating func takeOne(forCallback: Bool = false) -> Message? {
        if !redelivery.isEmpty, let again = takeDue(forCallback: forCallback) { return again }
        guard let message = buffer.popFirst() else { return nil }
        if isGroup { progress.handOut(Stretch(message)) }
        return message
    }

    // MARK: Acknowledgements

    mutating func acknowledge(_ message: Message) throws(MsgBusError) {
        guard phase != .closed else { return try checkOpen() }
        let done = Stretch(message)
        guard isGroup else { return settled(done) }
        guard ackMode != .transactional else { throw Self.needsTransaction }
        guard progress.finish(done) else {
            throw MsgBusError(
                .rebalance,
                "the group has taken the partition back since the message was read: it will come again, to whoever has it now",
                topic: message.topic,
                partition: message.partition,
                offset: message.offset
            )
        }
        settled(done)
        hasNews = true
    }

    /// What can be committed now.
    mutating func beginCommit() -> [TopicPartition: Int64] {
        hasNews = false
        isCommitScheduled = false
        return ackMode == .transactional ? progress.uncommittedStarts : progress.uncommitted
    }

    mutating func didCommit(_ offsets: [TopicPartition: Int64]) { progress.didCommit(offsets) }

    /// What could not be committed is still to be.
    mutating func commitFailed() { hasNews = true }

    // MARK: Close

    func checkOpen() throws(MsgBusError) {
        guard phase == .open else { throw MsgBusError(.closed, "the reader is closed") }
    }

    /// From now on no acknowledgement counts.
    mutating func endAcknowledging() { phase = .closed }

    /// Ends all reading. What else is returned is to be let go outside the lock: with a task, whatever it holds may go.
    mutating func beginClose() -> (resumptions: [Resumption], buffer: MessageBuffer, inHand: [Caller: [Stretch]])? {
        guard phase == .open else { return nil }
        phase = .closing
        callback = nil
        var resumptions: [Resumption] = []
        let error = MsgBusError(.closed, "the reader was closed")
        while let reading = readings.popFirst() { resumptions.append((reading.waiter, .failure(error))) }
        redelivery.withhold()
        defer {
            buffer = MessageBuffer()
            inHand = [:]
        }
        return (resumptions, buffer, inHand)
    }
}
