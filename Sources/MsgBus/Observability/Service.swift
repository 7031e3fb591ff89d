#if ServiceLifecycle
public import ServiceLifecycle

extension KafkaReader: Service {
    /// Keeps the reader open until the service group shuts down or the task is cancelled, and then closes it gracefully: a callback that
    /// runs is waited for, what is done is committed, loops over ``messages`` end; at most ``ReaderOptions/closeTimeout``.
    ///
    /// It also returns when the reader is closed by other means.
    ///
    /// - Throws: What has ended the connection for good (``BusStatus/failed(_:)``), for example another member with its static name.
    public func run() async throws {
        try await withTaskCancellationOrGracefulShutdownHandler {
            try await events.untilClosed(status())
            await close()
        } onCancelOrGracefulShutdown: {
            _ = self.core.close(within: self.core.config.reader.closeTimeout)
        }
    }
}

extension KafkaWriter: Service {
    /// Keeps the writer open until the service group shuts down or the task is cancelled, and then closes it gracefully: what was
    /// accepted is delivered, at most within ``WriterOptions/closeTimeout``.
    ///
    /// It also returns when the writer is closed by other means. In a service group, list writers before those who write: services shut
    /// down in the opposite order.
    ///
    /// - Throws: What has ended the connection for good (``BusStatus/failed(_:)``); `.purged` when messages were not delivered.
    public func run() async throws {
        try await withTaskCancellationOrGracefulShutdownHandler {
            try await events.untilClosed(status())
            let report = await close()
            guard report.undelivered == 0 else {
                throw MsgBusError(
                    .purged,
                    "\(report.undelivered) messages could not be delivered; each was given to who waited, to onUndelivered, or logged",
                    topic: core.config.topic,
                    persistence: .possiblyPersisted
                )
            }
        } onCancelOrGracefulShutdown: {
            self.core.close(within: self.core.config.writer.closeTimeout)
        }
    }
}

extension BusEvents {
    /// Returns when the connection is closed; throws when it has failed for good.
    ///
    /// - Parameter status: The connection's after these events began: others may have heard of a failure before.
    fileprivate func untilClosed(_ status: BusStatus) async throws {
        if case .failed(let error) = status { throw error }
        for await event in self {
            if case .status(.failed(let error)) = event { throw error }
        }
    }
}
#endif
