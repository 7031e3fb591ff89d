// The seven calls of the bus on a writer; `MsgBusIO` says what they do.
extension KafkaWriter: MsgBusIO {
    /// Writes a text; waits for its acknowledgement unless the writer is non-blocking.
    @available(*, noasync, message: "use `await write(_:)` in a task")
    public func messageWrite(_ message: String) throws(MsgBusError) {
        guard core.config.blocking == .blocking else { return try enqueue(OutgoingMessage(message)) }
        _ = try core.writeBlocking(OutgoingMessage(message))
    }

    /// A writer has nothing to read.
    @available(*, noasync, message: "a writer has nothing to read")
    public func messageRead() throws(MsgBusError) -> String { throw notForWriters("messageRead") }

    /// A writer has nothing to read: 0.
    public func messageAvailable() -> Int { 0 }

    /// A writer has nothing to call back with.
    public func registerCB(_ callback: @escaping @Sendable (String) -> Void) throws(MsgBusError) {
        throw notForWriters("registerCB")
    }

    /// A writer has no callback.
    @available(*, noasync, message: "a writer has no callback")
    public func unregisterCB() throws(MsgBusError) { throw notForWriters("unregisterCB") }

    /// Closes; throws, the first time, if messages that nobody waited for could not be delivered.
    @available(*, noasync, message: "use `await close()` in a task")
    public func disconnect() throws(MsgBusError) {
        let isFirst = core.close(within: core.config.writer.closeTimeout)
        _ = core.end.wait()
        let lost = core.unheard
        guard isFirst, lost > 0 else { return }
        throw MsgBusError(
            .purged,
            "\(lost) messages could not be delivered; each was given to onUndelivered, or logged",
            topic: core.config.topic,
            persistence: .possiblyPersisted
        )
    }

    private func notForWriters(_ call: String) -> MsgBusError {
        MsgBusError(.state, "\(call) is for readers, and this is a writer", topic: core.config.topic)
    }
}
