internal import Dispatch
internal import Synchronization

// Flushing: the waiters are told by the deliveries, or by the timer.
extension WriterCore {
    /// Ends the current epoch; nil when there is nothing to wait for.
    func beginFlush() throws(MsgBusError) -> (id: UInt64, epoch: UInt32)? {
        let result: Result<(id: UInt64, epoch: UInt32)?, MsgBusError> = state.withLock { state in
            do throws(MsgBusError) {
                try state.checkOpen()
                return .success(state.beginFlush())
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// Answers the waiter with nil once the epoch and all before it are delivered or have failed.
    func awaitFlush(_ flush: (id: UInt64, epoch: UInt32), within time: Duration, _ waiter: Waiter<MsgBusError?>) {
        let deadline = Moment.after(time)
        guard state.withLock({ $0.awaitFlush(flush, by: deadline, waiter) }) else {
            waiter.resume(nil)
            return
        }
        timer.arm(at: deadline)
        flushOn()
    }

    /// librdkafka doesn't let messages linger while it flushes. In slices, for others have to do on `work` too.
    private func flushOn() {
        client.work.async { [self] in
            guard !client.isClosed, state.withLock({ $0.hasFlushWaiters }) else { return }
            producer.flush(within: .milliseconds(100))
            flushOn()
        }
    }

    func cancelFlush(_ id: UInt64) {
        state.withLock { $0.cancelFlush(id) }?.resume(MsgBusError(.cancelled, "the task was cancelled while flushing"))
    }
}
