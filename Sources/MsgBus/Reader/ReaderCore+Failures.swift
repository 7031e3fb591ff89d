internal import Dispatch
internal import Synchronization

// What is done about messages that failed.
extension ReaderCore {
    /// The callback threw, or the application rejected a message.
    func failed(_ message: Message, _ reason: any Error, inCallback: Bool) {
        let (judged, effects) = state.withLock { ($0.failed(message, inCallback: inCallback), $0.effects()) }
        apply(effects)
        guard let (verdict, failures) = judged else { return }
        var error = MsgBusError(
            .handler,
            "\(inCallback ? "the callback failed" : "the message was rejected"): \(reason)",
            topic: message.topic,
            partition: message.partition,
            offset: message.offset
        )
        switch verdict {
        case .leave:
            error.message += "; it stays unacknowledged"
        case .retry(let pause):
            error.message += "; failure \(failures), trying again in \(pause)"
            error.isRetriable = true
            redeliveries.arm(at: .after(pause))
        case .deadLetter(let topic):
            error.message += "; failure \(failures), it goes to \"\(topic)\""
            setAside(message, in: topic, reason, failures)
        case .skip:
            error.message += "; failure \(failures), it is skipped"
        case .stop:
            error.message += "; failure \(failures), and the reader stops"
            error.isFatal = true
            for (waiter, answer) in state.withLock({ $0.stop(error) }) { waiter.resume(answer) }
            client.loop.queue.async { [client, error] in client.report(error) }
            return
        }
        log.error("\(error)")
        client.events.post(.error(error))
    }

    /// The pause of some messages is over.
    func redeliver() {
        let (served, next, effects) = state.withLock { state in
            (state.serve(), state.redelivery.nextDue(after: .now), state.effects())
        }
        deliver(served)
        apply(effects)
        // What is due and not taken waits for who comes.
        if let next { redeliveries.arm(at: next) }
    }

    // MARK: Dead letters

    /// Writes it to the topic for failed messages, as often as it takes.
    private func setAside(_ message: Message, in topic: String, _ reason: any Error, _ failures: Int) {
        // Closing gives the record back to librdkafka; who writes may still be at it then.
        let letter = DeadLetters.letter(message.detached(), reason, failures, groupID: config.groupID)
        deadLetters.send { [self] in
            var attempt = 1
            while !client.isClosed {
                do {
                    try await deadLetters.write(letter, to: topic)
                    let effects = state.withLock { state in
                        state.settle(message)
                        return state.effects()
                    }
                    return apply(effects)
                } catch {
                    // The close ends that; the message comes again.
                    if Task.isCancelled { return }
                    log.error("can't write \(message) to the topic \"\(topic)\", trying again: \(error)")
                    client.events.post(.error(error as? MsgBusError ?? MsgBusError(.handler, "\(error)")))
                    let pause = config.reader.failurePolicy?.pause(after: attempt) ?? .seconds(1)
                    attempt += 1
                    try? await Task.sleep(for: max(pause, .milliseconds(100)))
                }
            }
        }
    }
}
