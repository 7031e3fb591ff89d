internal import Synchronization

// Many messages at once: small ones go to librdkafka in one call.
extension WriterCore {
    /// So many messages are given before the lock is let go: the deliveries need it too.
    private static let slice = 256

    /// Gives librdkafka messages that nobody waits for, as many of the first ones as there is room for.
    ///
    /// - Returns: How many; fewer than all when something is in the way of the next one.
    /// - Throws: What is in the way of the very first.
    func enqueue(
        _ messages: [OutgoingMessage],
        in transaction: TransactionState.ID? = nil
    ) throws(MsgBusError) -> Int {
        var taken = 0
        var failure: MsgBusError?
        while taken < messages.count, failure == nil {
            var handOver = HandOver(messages[taken...].prefix(Self.slice))
            var unheard: [UndeliveredMessage] = []
            state.withLock { state in
                batch.withLock { batch in
                    failure = enqueue(&handOver, transaction, &state, &batch, &unheard)
                }
            }
            taken += handOver.done
            for failure in unheard { tell(failure) }
        }
        if let failure, taken == 0 { throw failure }
        return taken
    }

    /// Makes a batch of writes, in order.
    func submit(
        _ messages: [OutgoingMessage],
        _ collector: BatchCollector,
        in transaction: TransactionState.ID? = nil
    ) -> [WriterState.Ticket] {
        let deadline = ContinuousClock.Instant.after(deliveryTimeout)
        var tickets: [WriterState.Ticket] = []
        tickets.reserveCapacity(messages.count)
        while tickets.count < messages.count {
            var handOver = HandOver(messages[tickets.count...].prefix(Self.slice))
            var answers: [WriterState.Answer] = []
            state.withLock { state in
                for index in handOver.messages.indices {
                    let ticket = state.reserve()
                    // Nobody can have cancelled what nobody knows yet.
                    _ = state.expect(ticket, .batch(collector, index: index), by: deadline)
                    tickets.append(ticket)
                }
                batch.withLock { batch in submit(&handOver, tickets, transaction, &state, &batch, &answers) }
            }
            for answer in answers { answer.audience.tell(answer.outcome) }
        }
        timer.arm(at: deadline)
        return tickets
    }

    /// Messages on their way to librdkafka: first those that it has or has refused, then those in the batch, then the others.
    private struct HandOver {
        let messages: ArraySlice<OutgoingMessage>
        /// The first one that is in the batch.
        var firstInBatch: Int

        init(_ messages: ArraySlice<OutgoingMessage>) {
            self.messages = messages
            firstInBatch = messages.startIndex
        }

        /// How many are not in the batch any more, when it is empty.
        var done: Int { firstInBatch - messages.startIndex }
    }

    // MARK: With the lock held

    private func enqueue(
        _ handOver: inout HandOver,
        _ transaction: TransactionState.ID?,
        _ state: inout WriterState,
        _ batch: inout ProduceBatch,
        _ unheard: inout [UndeliveredMessage]
    ) -> MsgBusError? {
        var failure: MsgBusError?
        for index in handOver.messages.indices {
            let message = handOver.messages[index]
            let size = message.size
            do throws(MsgBusError) {
                let isSmall = ProduceBatch.suits(message, size: size)
                if !isSmall || !batch.hasRoom(for: size) { try send(&handOver, &state, &batch, &unheard) }
                try state.checkRoom(for: size, in: transaction)
                if isSmall {
                    batch.append(message, state.tag(nil))
                } else {
                    try producer.produce(message, tag: state.tag(nil))
                    handOver.firstInBatch += 1
                }
                state.wasAccepted()
                state.wasTaken(size: size)
            } catch {
                failure = error
                break
            }
        }
        do throws(MsgBusError) {
            try send(&handOver, &state, &batch, &unheard)
        } catch {
            failure = error
        }
        return failure
    }

    /// Sends the batch of messages that nobody waits for.
    ///
    /// - Throws: Why librdkafka didn't take the last ones. One that it refused while it took a later one can't be given back, or its
    ///   caller would write that later one twice: it counts as undelivered.
    private func send(
        _ handOver: inout HandOver,
        _ state: inout WriterState,
        _ batch: inout ProduceBatch,
        _ unheard: inout [UndeliveredMessage]
    ) throws(MsgBusError) {
        guard !batch.isEmpty else { return }
        let first = handOver.firstInBatch
        var end = first + batch.count
        var failures = producer.produce(&batch)
        var refusal: MsgBusError?
        while let last = failures.last, first + last.position == end - 1 {
            failures.removeLast()
            end -= 1
            state.wasNotTaken(size: handOver.messages[end].size)
            refusal = producer.error(last.code, handOver.messages[end])
        }
        for failure in failures {
            let message = handOver.messages[first + failure.position]
            let error = producer.error(failure.code, message)
            _ = state.reported(state.tag(nil), size: message.size, .failure(error))
            if state.transactions == nil { unheard.append(UndeliveredMessage(message: message, error: error)) }
        }
        handOver.firstInBatch = end
        if let refusal { throw refusal }
    }

    private func submit(
        _ handOver: inout HandOver,
        _ tickets: [WriterState.Ticket],
        _ transaction: TransactionState.ID?,
        _ state: inout WriterState,
        _ batch: inout ProduceBatch,
        _ answers: inout [WriterState.Answer]
    ) {
        for index in handOver.messages.indices {
            let message = handOver.messages[index]
            let size = message.size
            let isSmall = ProduceBatch.suits(message, size: size) && state.hasRoom(for: size)
            if !isSmall || !batch.hasRoom(for: size) { send(&handOver, tickets, &state, &batch, &answers) }
            if isSmall, !state.hasLine, state.mayWrite(in: transaction) {
                batch.append(message, state.tag(tickets[index]))
                state.wasAccepted()
                state.wasTaken(size: size)
            } else {
                send(&handOver, tickets, &state, &batch, &answers)
                if let answer = submit(message, tickets[index], transaction, &state) { answers.append(answer) }
                handOver.firstInBatch += 1
            }
        }
        send(&handOver, tickets, &state, &batch, &answers)
    }

    /// Sends the batch of messages that somebody waits for.
    private func send(
        _ handOver: inout HandOver,
        _ tickets: [WriterState.Ticket],
        _ state: inout WriterState,
        _ batch: inout ProduceBatch,
        _ answers: inout [WriterState.Answer]
    ) {
        guard !batch.isEmpty else { return }
        let first = handOver.firstInBatch
        handOver.firstInBatch += batch.count
        for failure in producer.produce(&batch) {
            let message = handOver.messages[first + failure.position]
            state.wasNotTaken(size: message.size)
            let error = producer.error(failure.code, message)
            let answer = lineUp(message, tickets[first + failure.position], unless: error, &state)
            if let answer { answers.append(answer) }
        }
    }
}
