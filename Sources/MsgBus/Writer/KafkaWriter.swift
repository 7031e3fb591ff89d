/// Writes to one topic.
///
/// ```swift
/// let writer = try await KafkaWriter.connect(MsgBusConfig(topic: "orders", direction: .writer))
/// let delivery = try await writer.write("an order", key: "customer 7")
/// let report = await writer.close()
/// ```
///
/// **Order.** Messages of one partition arrive in the order in which they were accepted: one after another from one task, and within
/// a batch.
///
/// **Back pressure.** Messages on their way fill a buffer of ``WriterOptions/bufferMessages`` and ``WriterOptions/bufferBytes``. When
/// it is full, an awaiting write suspends and a blocking one blocks, first come first served; ``enqueue(_:)`` throws `.queueFull`.
///
/// **Many tasks.** An awaited or blocking write goes at once when hardly any are under way. More of them gather until the next answer, at
/// most twice as long as an answer takes (1 to 100 milliseconds), and travel together.
///
/// **Transactions.** With a ``WriterOptions/transactionalID`` it writes in ``transaction(_:)`` only.
///
/// **Cancellation.** A cancelled task stops waiting at once, with `.cancelled`. A message that is on its way can't be called back, and
/// may still be delivered; the error's ``MsgBusError/persistence`` says which it is.
///
/// **Close.** ``close(timeout:)`` delivers what was accepted. A writer that is let go without it does the same in the background,
/// which the end of the process cuts short.
public final class KafkaWriter: Sendable {
    let core: WriterCore

    /// Connects, and blocks the thread until that is done; ``connect(_:)`` for threads of your own.
    ///
    /// - Parameter config: Its direction has to be `.writer`.
    /// - Throws: As ``MsgBus/connect(_:)``.
    @available(*, noasync, message: "use `await KafkaWriter.connect(_:)` in a task")
    public convenience init(_ config: MsgBusConfig) throws(MsgBusError) {
        self.init(try WriterCore.connect(config, .current(), Cancellation()))
    }

    /// Connects. When it returns, a broker has answered for the topic.
    ///
    /// A missing topic is created where the broker is set to create topics by itself, and is `.unknownTopic` otherwise.
    ///
    /// - Parameter config: Its direction has to be `.writer`.
    /// - Throws: `.configuration` at once; else at the latest after ``MsgBusConfig/connectTimeout`` an error that names the cause:
    ///   `.transport`, `.tls`, `.authentication`, `.unknownTopic`, `.timeout`; `.cancelled`.
    public static func connect(_ config: MsgBusConfig) async throws(MsgBusError) -> KafkaWriter {
        let instruments = Instruments.current()
        return KafkaWriter(
            try await Cancellation.run { cancellation throws(MsgBusError) in
                try WriterCore.connect(config, instruments, cancellation)
            }
        )
    }

    private init(_ core: WriterCore) { self.core = core }

    deinit { core.close(within: core.config.writer.closeTimeout) }

    /// Writes a text and waits for the broker's acknowledgement.
    ///
    /// - Parameters:
    ///   - text: The value, sent as UTF-8.
    ///   - key: The key, sent as UTF-8. Messages with equal keys go to the same partition.
    ///   - headers: The headers.
    /// - Returns: Where the message stands.
    /// - Throws: What happened to it: `.timeout` after ``WriterOptions/deliveryTimeout``, `.messageTooLarge`, `.cancelled`, `.closed`,
    ///   whatever the broker says. See ``MsgBusError/persistence`` before you write it again.
    @discardableResult
    public func write(
        _ text: String,
        key: String? = nil,
        headers: Headers = Headers()
    ) async throws(MsgBusError) -> Delivery {
        try await write(OutgoingMessage(text, key: key, headers: headers))
    }

    /// Writes a message and waits for the broker's acknowledgement.
    ///
    /// - Parameter message: The message.
    /// - Returns: Where the message stands.
    /// - Throws: As ``write(_:key:headers:)``; also `.unknownPartition`.
    @discardableResult
    public func write(_ message: OutgoingMessage) async throws(MsgBusError) -> Delivery {
        try await core.write(message)
    }

    /// Writes messages and waits until each is acknowledged or has failed.
    ///
    /// This is the fast way for many messages: they travel together.
    ///
    /// - Parameter messages: The messages; those of one partition arrive in this order.
    /// - Returns: What became of each, in the order given. A message that fails doesn't keep the others back. When the task is
    ///   cancelled, those without an answer yet fail with `.cancelled`.
    /// - Throws: `.closed` when the writer was closed before.
    public func write(
        contentsOf messages: some Sequence<OutgoingMessage>
    ) async throws(MsgBusError) -> [Result<Delivery, MsgBusError>] {
        try await core.write(contentsOf: Array(messages))
    }

    /// Hands a message over and returns at once.
    ///
    /// A later failure goes to ``WriterOptions/onUndelivered``, and counts in ``close(timeout:)``'s report.
    ///
    /// - Parameter message: The message.
    /// - Throws: `.queueFull` when the buffer is full; what is wrong with the message itself; `.closed`.
    public func enqueue(_ message: OutgoingMessage) throws(MsgBusError) {
        try core.enqueue(message)
    }

    /// Hands messages over and returns at once: the fastest way for many small ones.
    ///
    /// They are taken in order, as many as there is room for. A later failure goes to ``WriterOptions/onUndelivered``, and counts in
    /// ``close(timeout:)``'s report.
    ///
    /// - Parameter messages: The messages; those of one partition arrive in this order.
    /// - Returns: How many of the first ones were taken. Fewer than all: call again with the rest, for example after ``flush(timeout:)``,
    ///   and hear what is in the way.
    /// - Throws: When not even the first was taken: as ``enqueue(_:)``.
    @discardableResult
    public func enqueue(contentsOf messages: some Sequence<OutgoingMessage>) throws(MsgBusError) -> Int {
        try core.enqueue(Array(messages))
    }

    /// Waits until every message written before this call is delivered or has failed. Nothing lingers meanwhile.
    ///
    /// - Parameter timeout: How long at most.
    /// - Throws: `.timeout`, and the messages are still being tried; `.closed`, `.cancelled`.
    public func flush(timeout: Duration = .seconds(10)) async throws(MsgBusError) {
        guard let flush = try core.beginFlush() else { return }
        let error: MsgBusError? = await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                core.awaitFlush(flush, within: timeout, .task(continuation))
                // The handler may have run before there was anything to cancel.
                if Task.isCancelled { core.cancelFlush(flush.id) }
            }
        } onCancel: {
            core.cancelFlush(flush.id)
        }
        if let error { throw error }
    }

    /// Closes: nothing is accepted from now on, what was accepted is delivered, and all is freed.
    ///
    /// Whoever waits for room gets `.closed`; whoever waits for an acknowledgement gets it, or an error when the time is over.
    /// Closing again waits for the same end and has the same report. A cancelled task waits all the same: it always ends.
    ///
    /// - Parameter timeout: How long at most. What isn't delivered by then is given up and reported.
    /// - Returns: What became of the messages.
    @discardableResult
    public func close(timeout: Duration = .seconds(10)) async -> CloseReport {
        core.close(within: timeout)
        return await core.end.value()
    }

    /// How the connection is. Never blocks.
    public func status() -> BusStatus { core.status }

    /// What happens to the connection from now on: status changes and errors. Failed writes are not among them: who writes hears
    /// of them, or ``WriterOptions/onUndelivered``.
    public var events: BusEvents { core.client.events.listen() }
}
