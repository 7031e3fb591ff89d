internal import Synchronization

// How callers get their messages: at once, or by waiting. The blocking and the awaiting form differ in nothing else.
extension ReaderCore {
    /// How many messages wait.
    var available: Int { state.withLock { $0.available } }

    /// Only automatic acknowledgement asks who comes back.
    var callerMatters: Bool { config.groupID != nil && config.reader.ackMode == .automatic }

    /// Takes what is there, or waits; empty only when it was late.
    func read(
        upTo limit: Int,
        until deadline: Moment?
    ) async throws(MsgBusError) -> MessageBatch {
        if Task.isCancelled { throw MsgBusError(.cancelled, "the task was cancelled before it read") }
        let caller = callerMatters ? Caller.currentTask : .none
        let there = try takeNow { state throws(MsgBusError) in try state.read(upTo: limit, for: caller) }
        if !there.isEmpty { return there }
        return try Self.messages(of: await wait(upTo: limit, for: caller, until: deadline))
    }

    /// The same for one message; nil when it was late.
    func readOne(until deadline: Moment?) async throws(MsgBusError) -> Message? {
        if Task.isCancelled { throw MsgBusError(.cancelled, "the task was cancelled before it read") }
        let caller = callerMatters ? Caller.currentTask : .none
        let there = try takeNow { state throws(MsgBusError) in try state.readOne(for: caller) }
        if let there { return there }
        return try Self.messages(of: await wait(upTo: 1, for: caller, until: deadline)).first
    }

    /// The same for a thread, which waits as long as it takes.
    func readOneBlocking() throws(MsgBusError) -> Message {
        let caller = callerMatters ? Caller.currentThread : .none
        let there = try takeNow { state throws(MsgBusError) in try state.readOne(for: caller) }
        if let there { return there }
        let thread = BlockedThread<ReaderState.Answer>()
        wait(nextID(), upTo: 1, for: caller, until: nil, .thread(thread))
        // Without a time limit there is always a message or an error.
        return try Self.messages(of: thread.wait()).first!
    }

    /// For a loop: the next message, which is also the word that the last one is done. Nil when it has to wait.
    func next(after last: Stretch?, for caller: Caller) throws(MsgBusError) -> Message? {
        try takeNow { state throws(MsgBusError) in try state.next(after: last, for: caller) }
    }

    /// A loop ended with a message in hand.
    func left(_ last: Stretch, by caller: Caller) {
        state.withLock { $0.left(last, by: caller) }
    }

    @inline(__always)
    private func takeNow<Value>(
        _ body: (inout ReaderState) throws(MsgBusError) -> Value
    ) throws(MsgBusError) -> Value {
        var effects: ReaderState.Effects = []
        let value = try state.withLock { state throws(MsgBusError) in
            let value = try body(&state)
            effects = state.effects()
            return value
        }
        if !effects.isEmpty { apply(effects) }
        return value
    }

    func wait(
        upTo limit: Int,
        for caller: Caller,
        until deadline: Moment?
    ) async -> ReaderState.Answer {
        let id = nextID()
        return await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                wait(id, upTo: limit, for: caller, until: deadline, .task(continuation))
                // The handler may have run before there was anything to cancel.
                if Task.isCancelled { cancel(id) }
            }
        } onCancel: {
            cancel(id)
        }
    }

    private func wait(
        _ id: UInt64,
        upTo limit: Int,
        for caller: Caller,
        until deadline: Moment?,
        _ waiter: Waiter<ReaderState.Answer>
    ) {
        let (resumption, effects) = state.withLock { state in
            (state.wait(upTo: limit, for: caller, until: deadline, id, waiter), state.effects())
        }
        apply(effects)
        if let (waiter, answer) = resumption {
            waiter.resume(answer)
        } else if let deadline {
            deadlines.arm(at: deadline)
        }
    }

    private func cancel(_ id: UInt64) {
        if let (waiter, answer) = state.withLock({ $0.cancel(id) }) { waiter.resume(answer) }
    }

    private func nextID() -> UInt64 { state.withLock { $0.nextID() } }

    static func messages(of answer: ReaderState.Answer) throws(MsgBusError) -> MessageBatch {
        switch answer {
        case .messages(let messages): messages
        case .late: MessageBatch()
        case .failure(let error): throw error
        }
    }
}
