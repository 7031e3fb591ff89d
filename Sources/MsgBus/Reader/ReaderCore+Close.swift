internal import Dispatch
internal import Synchronization

// Closing: a callback finishes, what is done is committed, the group is left, and everyone is answered.
extension ReaderCore {
    /// Begins to close, once.
    ///
    /// - Returns: Resolved when that has ended, at the latest after that time: for a callback of this reader when all is freed, for
    ///   everyone else when also no callback runs any more.
    func close(within time: Duration) -> OneShot<Void> {
        let isInside = isInsideCallback
        let end = isInside ? freed : closed
        if isInside {
            for waiter in state.withLock({ $0.callbackCloses() }) { waiter.resume(nil) }
        }
        guard let (resumptions, buffer, inHand) = state.withLock({ $0.beginClose() }) else { return end }
        for (waiter, answer) in resumptions { waiter.resume(answer) }
        _ = (consume buffer, consume inHand)
        client.beginClose()
        let time = max(.zero, time)
        let deadline = Moment.after(time)
        // Not on `work`, where rebalances go on being answered while the callback finishes.
        DispatchQueue.ours("msgbus.close").async { [self] in
            // What the callback is about to finish shall be committed.
            if !isInside { waitForCallback(atMost: Moment.now.duration(to: deadline)) }
            finish(by: deadline)
            freed.resolve(())
            callbacks.async { self.closed.resolve(()) }
        }
        // Whatever librdkafka, a callback or a logger does, nobody waits longer.
        DispatchQueue.ours("msgbus.deadline").asyncAfter(deadline: .now() + .milliseconds(time.milliseconds)) {
            [freed, closed, log] in
            guard closed.valueIfDone == nil else { return }
            freed.resolve(())
            closed.resolve(())
            log.warning("the reader's close goes on in the background: its time is over")
        }
        return end
    }

    /// Leaves the group and frees the client. On a queue of its own: `work` goes on answering the group.
    private func finish(by deadline: Moment) {
        func timeLeft() -> Duration { max(.zero, Moment.now.duration(to: deadline)) }
        for timer in [deadlines, commits, housekeeping, redeliveries] { timer.cancel() }
        gauges?.cancel()
        let letters = deadLetters.close(within: min(timeLeft(), .seconds(1)))
        // A turn of the loop that had begun before may still have been taking messages.
        client.loop.queue.sync {}
        metrics?.setQueue(messages: 0, bytes: 0)
        metrics?.setLags([:])
        membership.prepareToLeave(within: timeLeft() / 2)
        state.withLock { $0.endAcknowledging() }
        commitLast(by: deadline)
        let isLeaving = client.work.sync {
            membership.leave()
            return config.groupID != nil && consumer.beginClose()
        }
        var hasLeft = false
        if isLeaving {
            // Giving up takes a moment too.
            let giveUp = deadline - min(timeLeft() / 10, .milliseconds(500))
            let pause = Cancellation()
            while !consumer.hasClosed, Moment.now < giveUp { pause.sleep(.milliseconds(2)) }
            hasLeft = consumer.hasClosed
            if !hasLeft { log.warning("couldn't leave the group in time: it will notice by the session timeout") }
        }
        let released = consumer.records.detachAll()
        let isClean = hasLeft
        if released.wait(atMost: timeLeft()) == nil {
            // Somebody is inside a `withValueBytes`: the client is freed when they leave.
            DispatchQueue.ours("msgbus.release").async { [self] in
                released.wait()
                client.work.sync { client.destroy(isClean: isClean) }
            }
        } else {
            client.work.sync { client.destroy(isClean: isClean) }
        }
        for letter in letters { _ = letter.wait(atMost: timeLeft()) }
        membership.attach(nil)
    }

    /// Commits what is done, until it has worked or the time is over. While the group is being rearranged the broker refuses: then
    /// once more when it has assigned anew.
    private func commitLast(by deadline: Moment) {
        // The rest is for leaving.
        let giveUp = deadline - Moment.now.duration(to: deadline) / 5
        func timeLeft() -> Duration { max(.zero, Moment.now.duration(to: giveUp)) }
        let pause = Cancellation()
        while true {
            let rounds = membership.rounds
            var failure: MsgBusError?
            do throws(MsgBusError) {
                try client.onWork { () throws(MsgBusError) in
                    try commitDone(within: min(timeLeft(), .seconds(5)), evenIfClosed: true)
                }
                if !state.withLock({ $0.progress.hasRemainders }) { return }
            } catch {
                failure = error
            }
            let isRearranged = failure == nil || failure?.code == .rebalance
            let isWorthTrying = isRearranged || failure?.isRetriable == true
            guard isWorthTrying, timeLeft() > .zero, config.groupID != nil, !client.connection.isSuspect else {
                let reason = failure.map { "\($0)" } ?? "the group was being rearranged"
                log.warning("the last commit failed, so some messages will come again: \(reason)")
                return
            }
            if isRearranged {
                _ = membership.nextRound(after: rounds).wait(atMost: timeLeft())
            } else {
                pause.sleep(min(.milliseconds(50), timeLeft()))
            }
        }
    }
}
