// The callback of a reader, and who waits for it to end.
extension ReaderState {
    /// One call of the callback. (Not the closure itself: what goes through generic code, as it would, is wrapped anew each time.)
    struct Call {
        let message: Message
        let callback: Callback
    }

    mutating func register(_ body: @escaping @Sendable (Message) throws -> Void) throws(MsgBusError) -> Bool {
        try checkOpen()
        if let failure, failure.isFatal { throw failure }
        guard callback == nil else {
            throw MsgBusError(.state, "a callback is registered already: unregister it first")
        }
        guard readings.isEmpty else {
            throw MsgBusError(.state, "somebody waits in a read: a reader is read or calls back, not both")
        }
        callback = Callback(body: body)
        return startPump()
    }

    mutating func unregister() throws(MsgBusError) {
        try checkOpen()
        guard callback != nil else { throw MsgBusError(.state, "no callback is registered") }
        callback = nil
    }

    mutating func startPump() -> Bool {
        guard callback != nil, !isPumping, hasMessages else { return false }
        isPumping = true
        return true
    }

    /// The next message for the callback, which is done with its last one; nil ends the pump. No callback runs at this moment.
    mutating func nextCall(
        after done: Message?
    ) -> (call: Call?, idle: [Waiter<MsgBusError?>]) {
        // Also where nothing is acknowledged, the partition of one that had failed waits no longer.
        if let done, finishesByItself || !redelivery.isEmpty { finish(Stretch(done)) }
        defer { pumpWaiters = [] }
        guard phase == .open, let callback, let message = takeOne(forCallback: true) else {
            isPumping = false
            called = nil
            return (nil, pumpWaiters)
        }
        if isGroup { called = message.topicPartition }
        return (Call(message: message, callback: callback), pumpWaiters)
    }

    /// Nothing is handed out any more, since a message failed for good.
    mutating func stop(_ error: MsgBusError) -> [Resumption] {
        callback = nil
        buffer = MessageBuffer()
        redelivery.withhold()
        return fail(error)
    }

    /// The callback itself waits for the close: nobody may wait for the callback then.
    mutating func callbackCloses() -> [Waiter<MsgBusError?>] {
        isCallbackClosing = true
        defer { pumpWaiters = [] }
        return pumpWaiters
    }

    /// Has the waiter resumed, with nil, as soon as no callback runs; false if none does, or if it can't be waited for.
    mutating func awaitPump(_ waiter: Waiter<MsgBusError?>) -> Bool {
        guard isPumping, !isCallbackClosing else { return false }
        pumpWaiters.append(waiter)
        return true
    }

    /// The same for a callback that has, or is about to get, a message of these partitions.
    mutating func awaitPump(_ waiter: Waiter<MsgBusError?>, of partitions: [TopicPartition]) -> Bool {
        guard let called, partitions.contains(called) else { return false }
        return awaitPump(waiter)
    }
}
