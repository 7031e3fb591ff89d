// How messages get from the writer to librdkafka, many at once where there are many. All of it with the state's lock held.
extension WriterCore {
    /// So many messages are handed over at a time.
    static let handOverLimit = 256

    /// Lets the line go as far as there is room.
    func admit(_ state: inout WriterState, _ answers: inout [WriterState.Answer]) {
        guard state.hasLine else { return }
        while admit(state.firstWithRoom(upTo: Self.handOverLimit), &state, &batch, &answers) {}
        // What is left has no room: the next report lets it go on, for those under way may be another partition's, and its broker dead.
        if state.hasLine { state.lineIsForRoom() }
    }

    /// - Returns: Whether there may be more to admit.
    private func admit(
        _ messages: [WriterState.Waiting],
        _ state: inout WriterState,
        _ batch: inout ProduceBatch,
        _ answers: inout [WriterState.Answer]
    ) -> Bool {
        guard !messages.isEmpty else { return false }
        var done = 0
        while done < messages.count {
            var failures: [ProduceBatch.Failure] = []
            var count = 0
            for waiting in messages[done...] {
                guard ProduceBatch.suits(waiting.message, size: waiting.message.size),
                    batch.hasRoom(for: waiting.message.size)
                else { break }
                batch.append(waiting.message, state.tag(waiting.ticket, of: waiting.message, epoch: waiting.epoch))
                count += 1
            }
            if count > 0 {
                failures = producer.produce(&batch)
            } else {
                let waiting = messages[done]
                let tag = state.tag(waiting.ticket, of: waiting.message, epoch: waiting.epoch)
                count = 1
                do throws(MsgBusError) {
                    try producer.produce(waiting.message, tag: tag)
                } catch {
                    failures = [(0, error)]
                }
            }
            var rest = failures[...]
            for position in 0..<count {
                guard let failure = rest.first, failure.position == position else {
                    state.firstWasTaken()
                    continue
                }
                rest.removeFirst()
                // Its limits are lower than ours, the user's doing: the next report makes room, if there is one to come.
                if failure.error.code == .queueFull, state.inFlight > 0 {
                    state.lineIsForRoom()
                    return false
                }
                if let answer = state.firstFailed(failure.error) { answers.append(answer) }
            }
            done += count
        }
        return true
    }

    /// Adds a message that somebody waits for to the batch, if it can go that way at once.
    func append(
        _ message: borrowing OutgoingMessage,
        _ ticket: WriterState.Ticket,
        _ state: inout WriterState,
        _ batch: inout ProduceBatch
    ) -> Bool {
        let size = message.size
        guard !state.hasLine, state.hasRoom(for: size), ProduceBatch.suits(message, size: size),
            batch.hasRoom(for: size)
        else { return false }
        batch.append(message, state.tag(ticket, of: message))
        state.wasTaken(size: size)
        return true
    }

    /// Sends the batch, whose messages these end with. Those that librdkafka has no room for wait in the line.
    func send(
        _ messages: ArraySlice<OutgoingMessage>,
        _ tickets: [WriterState.Ticket],
        _ state: inout WriterState,
        _ answers: inout [WriterState.Answer]
    ) {
        guard !batch.isEmpty else { return }
        let first = messages.endIndex - batch.count
        for failure in producer.produce(&batch) {
            let index = first + failure.position
            state.wasNotTaken(size: messages[index].size)
            if failure.error.code == .queueFull, state.inFlight > 0 {
                state.stepInLine(messages[index], tickets[index], isFull: true)
            } else {
                answers.append(state.refused(tickets[index], failure.error))
            }
        }
    }

    /// Gives librdkafka messages that nobody waits for, as many of the first ones as there is room for.
    ///
    /// - Returns: How many, and what is in the way of the next one.
    func enqueue(
        _ messages: ArraySlice<OutgoingMessage>,
        in transaction: TransactionState.ID?,
        _ state: inout WriterState,
        _ unheard: inout [UndeliveredMessage]
    ) -> (taken: Int, failure: MsgBusError?) {
        // Those before this one are librdkafka's, or refused for good; from there on they are in the batch.
        var sent = messages.startIndex
        var failure: MsgBusError?
        // By index and in place: a copy of each message would cost as much as all the rest.
        for index in messages.indices where failure == nil {
            let size = messages[index].size
            let isSmall = ProduceBatch.suits(messages[index], size: size)
            if !isSmall || !batch.hasRoom(for: size) {
                failure = send(messages[sent...], &sent, &state, &batch, &unheard)
                if failure != nil { break }
            }
            do throws(MsgBusError) {
                try state.checkRoom(for: size, in: transaction)
                if isSmall {
                    batch.append(messages[index], state.tag(nil, of: messages[index]))
                } else {
                    try producer.produce(messages[index], tag: state.tag(nil, of: messages[index]))
                    sent += 1
                }
                state.wasTaken(size: size)
            } catch {
                failure = error
            }
        }
        failure = send(messages[sent...], &sent, &state, &batch, &unheard) ?? failure
        return (sent - messages.startIndex, failure)
    }

    /// Sends the batch, whose messages these begin with.
    ///
    /// - Returns: Why librdkafka didn't take the last ones. One that it refused while it took a later one can't be given back, or its
    ///   caller would write that later one twice: it counts as undelivered.
    private func send(
        _ messages: ArraySlice<OutgoingMessage>,
        _ sent: inout Int,
        _ state: inout WriterState,
        _ batch: inout ProduceBatch,
        _ unheard: inout [UndeliveredMessage]
    ) -> MsgBusError? {
        guard !batch.isEmpty else { return nil }
        let first = messages.startIndex
        var end = first + batch.count
        var failures = producer.produce(&batch)
        var refusal: MsgBusError?
        while let last = failures.last, first + last.position == end - 1 {
            failures.removeLast()
            end -= 1
            state.wasNotTaken(size: messages[end].size)
            refusal = last.error
        }
        for failure in failures {
            let message = messages[first + failure.position]
            _ = state.reported(state.tag(nil, of: message), size: message.size, .failure(failure.error))
            if !state.hasTransactions { unheard.append(UndeliveredMessage(message: message, error: failure.error)) }
        }
        sent = end
        return refusal
    }
}
