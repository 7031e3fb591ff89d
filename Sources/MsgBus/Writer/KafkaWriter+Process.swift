extension KafkaWriter {
    /// Reads, processes and writes, each message exactly once, until the reader is closed.
    ///
    /// ```swift
    /// try await writer.process(orders) { batch, transaction in
    ///     for order in batch { try await transaction.write(invoice(for: order)) }
    /// }
    /// ```
    ///
    /// Each batch is one transaction: what the body writes and that its messages are done are committed together, see
    /// ``transaction(_:)``. When a transaction fails for a reason that can pass (``MsgBusError/isRetriable``: a rebalance, a broker
    /// that is away), the reader goes back to what isn't done, and its messages come again, after a pause that grows up to a second.
    /// Every such failure is an event of the writer's.
    ///
    /// **Error of the body.** The transaction is aborted, the reader goes back, and the error is thrown: calling this again goes on with
    /// the same messages.
    ///
    /// - Parameters:
    ///   - reader: A reader with ``AckMode/transactional``, which nobody else reads meanwhile.
    ///   - limit: How many messages at most make a transaction. Default: 500.
    ///   - body: Writes with the transaction what follows from the messages. It may run more than once for a message, but what it writes
    ///     counts once.
    /// - Throws: What the body threw; `.cancelled`; `.state` for a reader or a writer that isn't one of transactions, or while a callback
    ///   is registered; what ``transaction(_:)`` throws and can't pass, for example `.fenced`. When the reader is closed it returns.
    public func process(
        _ reader: KafkaReader,
        upTo limit: Int = 500,
        _ body: (MessageBatch, Transaction) async throws -> Void
    ) async throws {
        if reader.core.isClosed { return }
        try reader.core.checkTransactional()
        // What another writer has begun, and not brought to an end.
        do throws(MsgBusError) {
            try await reader.core.rewind()
        } catch {
            if error.code == .closed, reader.core.isClosed { return }
            throw error
        }
        var failures = 0
        while true {
            do {
                let batch = try await reader.readBatch(upTo: limit, within: .seconds(3600))
                guard !batch.isEmpty else { continue }
                try await transaction { transaction in
                    try await body(batch, transaction)
                    try transaction.acknowledge(batch, of: reader)
                }
                failures = 0
            } catch let error as MsgBusError where error.code == .closed && reader.core.isClosed {
                return
            } catch {
                try await goBack(reader)
                guard let error = error as? MsgBusError, error.canPass else { throw error }
                failures += 1
                core.log.info("the messages are processed again: \(error)")
                core.client.events.post(.error(error))
                // A cancelled task finds that out by its next read.
                try? await Task.sleep(for: .milliseconds(min(1000, 10 << min(failures, 7))))
            }
        }
    }

    /// Has the reader begin anew with what isn't done, once that is known.
    private func goBack(_ reader: KafkaReader) async throws(MsgBusError) {
        do {
            // A commit whose end nobody knew is settled by the next transaction.
            try await transaction { _ in }
        } catch let error as MsgBusError where error.isFatal {
            // Only another writer can do that, and its `process` begins with it.
            return
        } catch {}
        do throws(MsgBusError) {
            try await reader.core.rewind()
        } catch  where error.code == .closed || error.code == .cancelled {
            // The next one who processes goes back.
        }
    }
}

extension MsgBusError {
    /// Whether the messages can be processed again: here, or where the group has given their partitions.
    fileprivate var canPass: Bool { isRetriable || isInDoubt || code == .rebalance }

    /// A commit that was begun and whose end isn't known.
    private var isInDoubt: Bool { code == .timeout && persistence == .possiblyPersisted }
}
