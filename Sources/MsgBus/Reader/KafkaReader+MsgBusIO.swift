// The seven calls of the bus on a reader; `MsgBusIO` says what they do.
extension KafkaReader: MsgBusIO {
    /// A reader doesn't write.
    @available(*, noasync, message: "a reader doesn't write")
    public func messageWrite(_ message: String) throws(MsgBusError) {
        throw MsgBusError(.state, "messageWrite is for writers, and this is a reader", topic: core.config.topic)
    }

    /// Takes the next message as text; blocks until there is one.
    @available(*, noasync, message: "use `await read()` in a task")
    public func messageRead() throws(MsgBusError) -> String {
        let message = try core.readOneBlocking()
        return message.isTombstone ? "" : try message.text
    }

    /// Has each message's text given to a callback.
    public func registerCB(_ callback: @escaping @Sendable (String) -> Void) throws(MsgBusError) {
        try core.register { message in callback(message.repairedText) }
    }

    /// Ends the callback and waits until none runs.
    @available(*, noasync, message: "use `await stopCallback()` in a task")
    public func unregisterCB() throws(MsgBusError) {
        let thread = BlockedThread<MsgBusError?>()
        core.unregister(.thread(thread))
        if let error = thread.wait() { throw error }
    }

    /// Closes; never throws.
    @available(*, noasync, message: "use `await close()` in a task")
    public func disconnect() throws(MsgBusError) {
        core.close(within: core.config.reader.closeTimeout).wait()
    }
}
