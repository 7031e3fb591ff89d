// Writing as the callers see it: in a span where somebody traces, and without a further word where nobody does.
extension WriterCore {
    /// Writes a message and waits for its acknowledgement.
    func write(
        _ message: OutgoingMessage,
        in transaction: TransactionState.ID? = nil
    ) async throws(MsgBusError) -> Delivery {
        guard let traces else { return try await writeUntraced(message, in: transaction) }
        return try await traces.send(message, to: config.topic) { message async throws(MsgBusError) in
            try await writeUntraced(message, in: transaction)
        }
    }

    /// The same, blocking the thread.
    func writeBlocking(_ message: OutgoingMessage) throws(MsgBusError) -> Delivery {
        guard let traces else { return try writeBlockingUntraced(message) }
        return try traces.send(message, to: config.topic) { message throws(MsgBusError) in
            try writeBlockingUntraced(message)
        }
    }

    /// Writes messages and waits until each is acknowledged or has failed.
    func write(
        contentsOf messages: [OutgoingMessage],
        in transaction: TransactionState.ID? = nil
    ) async throws(MsgBusError) -> [Outcome] {
        guard let traces else { return try await writeUntraced(contentsOf: messages, in: transaction) }
        let (span, messages) = traces.begin(messages, to: config.topic)
        do throws(MsgBusError) {
            let outcomes = try await writeUntraced(contentsOf: messages, in: transaction)
            traces.end(span, outcomes.lazy.compactMap(\.failure).first)
            return outcomes
        } catch {
            traces.end(span, error)
            throw error
        }
    }

    /// Gives librdkafka a message that nobody waits for, or says why not.
    @inline(__always)
    func enqueue(_ message: OutgoingMessage, in transaction: TransactionState.ID? = nil) throws(MsgBusError) {
        guard let traces else { return try enqueueUntraced(message, in: transaction) }
        try traces.send(message, to: config.topic) { message throws(MsgBusError) in
            try enqueueUntraced(message, in: transaction)
        }
    }

    /// The same for many, as many of the first ones as there is room for.
    ///
    /// - Returns: How many; fewer than all when something is in the way of the next one.
    /// - Throws: What is in the way of the very first.
    func enqueue(
        _ messages: [OutgoingMessage],
        in transaction: TransactionState.ID? = nil
    ) throws(MsgBusError) -> Int {
        guard let traces else { return try enqueueUntraced(messages, in: transaction) }
        let (span, messages) = traces.begin(messages, to: config.topic)
        do throws(MsgBusError) {
            let count = try enqueueUntraced(messages, in: transaction)
            traces.end(span, nil)
            return count
        } catch {
            traces.end(span, error)
            throw error
        }
    }
}

extension Result {
    fileprivate var failure: Failure? {
        if case .failure(let failure) = self { failure } else { nil }
    }
}
