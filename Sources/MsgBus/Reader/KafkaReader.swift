/// Reads one topic.
///
/// ```swift
/// let reader = try await KafkaReader.connect(MsgBusConfig(topic: "orders", direction: .reader))
/// for try await message in reader.messages {
///     print(try message.text)
/// }
/// ```
///
/// **Private or in a group.** Without ``MsgBusConfig/groupID`` a reader sees every message of the topic. The members of a group share
/// them, partition by partition, and the group remembers how far it came: what ``AckMode`` counts as done doesn't come again.
///
/// **Three ways to read**, one at a time: ``read()`` and ``readBatch(upTo:within:)``, a loop over ``messages``, or a callback
/// (``onMessage(_:)``). A read while a callback is registered is a `.state` error.
///
/// **Order.** Messages of one partition come in order. Several tasks that read share the messages between them.
///
/// **Back pressure.** Messages wait in the reader up to ``ReaderOptions/queueMessages`` and ``ReaderOptions/queueBytes``, then on the
/// broker. A slow reader stays in its group.
///
/// **Cancellation.** A cancelled task stops waiting at once, with `.cancelled`; no message is lost by it.
///
/// **Close.** ``close(timeout:)`` ends every read with `.closed`. Messages that nobody took come again in a group. A reader that is let
/// go without it is closed in the background.
public final class KafkaReader: Sendable {
    let core: ReaderCore

    /// Connects, and blocks the thread until that is done; ``connect(_:)`` for threads of your own.
    ///
    /// - Parameter config: Its direction has to be `.reader`.
    /// - Throws: As ``connect(_:)``.
    @available(*, noasync, message: "use `await KafkaReader.connect(_:)` in a task")
    public convenience init(_ config: MsgBusConfig) throws(MsgBusError) {
        self.init(try ReaderCore.connect(config, .current(), Cancellation()))
    }

    /// Connects. When it returns, the reader has its partitions, and misses nothing that is sent from then on.
    ///
    /// A private reader has all of them; a member of a group has what the group gave it, which takes the group some seconds.
    ///
    /// - Parameter config: Its direction has to be `.reader`.
    /// - Throws: `.configuration` at once; else at the latest after ``MsgBusConfig/connectTimeout`` an error that names the cause:
    ///   `.transport`, `.tls`, `.authentication`, `.unknownTopic` (see ``ReaderOptions/missingTopic``), `.timeout`; `.cancelled`.
    public static func connect(_ config: MsgBusConfig) async throws(MsgBusError) -> KafkaReader {
        let instruments = Instruments.current()
        return KafkaReader(
            try await Cancellation.run { cancellation throws(MsgBusError) in
                try ReaderCore.connect(config, instruments, cancellation)
            }
        )
    }

    private init(_ core: ReaderCore) { self.core = core }

    deinit { _ = core.close(within: core.config.reader.closeTimeout) }

    // MARK: Reading

    /// The messages, one after another, as long as the reader is open.
    ///
    /// The loop ends when the reader is closed. It throws `.cancelled` when its task is, `.state` while a callback is registered, and
    /// what made the reader fail for good. Leaving it ends nothing: reading can go on in any way.
    public var messages: Messages { Messages(reader: self) }

    /// Takes the next message, and waits until there is one.
    ///
    /// - Throws: `.closed`, also when the reader is closed meanwhile; `.cancelled`; `.state` while a callback is registered.
    public func read() async throws(MsgBusError) -> Message {
        // Without a time limit there is always a message or an error.
        try await core.readOne(until: nil)!
    }

    /// Takes the next message, and waits for it at most so long.
    ///
    /// - Returns: Nil when none came.
    /// - Throws: As ``read()``.
    public func read(timeout: Duration) async throws(MsgBusError) -> Message? {
        try await core.readOne(until: .after(timeout))
    }

    /// Takes what there is, and waits for the first of it at most so long.
    ///
    /// - Parameters:
    ///   - limit: How many messages at most.
    ///   - time: How long to wait when there is none. It doesn't wait for more than the first.
    /// - Returns: The messages, in order; none when none came.
    /// - Throws: As ``read()``; `.configuration` for a limit below 1.
    public func readBatch(upTo limit: Int, within time: Duration) async throws(MsgBusError) -> MessageBatch {
        guard limit >= 1 else {
            throw MsgBusError(.configuration, "readBatch(upTo: \(limit)): it has to be at least 1")
        }
        return try await core.read(upTo: limit, until: .after(time))
    }

    /// Takes what there is, as ``readBatch(upTo:within:)`` does, and lends it to a closure without a copy of anything: the fastest way.
    ///
    /// ```swift
    /// let bytes = try await reader.withBatch(upTo: 1000, within: .seconds(1)) { batch in
    ///     batch.indices.reduce(0) { $0 + (batch[$1].value?.byteCount ?? 0) }
    /// }
    /// ```
    ///
    /// When the messages count as done is the same as for those of a read: with ``AckMode/automatic`` when the caller comes back for
    /// more. A close waits for the closure.
    ///
    /// - Parameters:
    ///   - limit: How many messages at most.
    ///   - time: How long to wait when there is none. It doesn't wait for more than the first.
    ///   - body: Gets the messages, in order; none when none came.
    /// - Returns: What the closure returns.
    /// - Throws: As ``readBatch(upTo:within:)``; what the closure throws.
    public func withBatch<Value>(
        upTo limit: Int,
        within time: Duration,
        _ body: (borrowing BorrowedMessages) throws -> Value
    ) async throws -> Value {
        try await readBatch(upTo: limit, within: time).lend(to: body)
    }

    /// How many messages can be taken without waiting.
    public func messageAvailable() -> Int { core.available }

    // MARK: Callback

    /// Has each message from now on given to a callback, first those that have arrived already, in order.
    ///
    /// Callbacks run one at a time, on a queue of the reader's own. While one is slow, messages wait.
    ///
    /// - Parameter callback: Gets each message. When it throws, ``ReaderOptions/failurePolicy`` says what comes then.
    /// - Throws: `.state` when a callback is registered already, or when somebody waits in a read; `.closed`.
    public func onMessage(_ callback: @escaping @Sendable (Message) throws -> Void) throws(MsgBusError) {
        try core.register(callback)
    }

    /// Ends the callback. When this returns no callback runs and none will.
    ///
    /// - Throws: `.state` when none is registered; `.closed`.
    public func stopCallback() async throws(MsgBusError) {
        let error: MsgBusError? = await withUnsafeContinuation { core.unregister(.task($0)) }
        if let error { throw error }
    }

    // MARK: Acknowledgement

    /// Says that a message is done, so that the group needn't see it again. In any order, from any task.
    ///
    /// The group's offset follows the lowest message that isn't done. It is committed by ``ReaderOptions/commitInterval``, on a
    /// rebalance, by ``commit()`` and on close. A private reader has nothing to acknowledge: nothing happens.
    ///
    /// - Parameter message: A message of this reader. With ``AckMode/automatic`` this says it earlier.
    /// - Throws: `.rebalance` when the group has given the message's partition to another member: it will come again, there; `.state`
    ///   with ``AckMode/transactional``; `.closed`.
    public func acknowledge(_ message: Message) throws(MsgBusError) {
        try core.acknowledge(message)
    }

    /// Says that a message can't be processed now: it comes again by itself, as ``ReaderOptions/failurePolicy`` says.
    ///
    /// Without a policy it comes again as often as it is rejected, after 100 milliseconds and then twice as long each time, up to
    /// 10 seconds. Messages that have been read meanwhile stay as they are; the group's offset waits for the rejected one.
    ///
    /// - Parameters:
    ///   - message: A message of this reader that isn't done.
    ///   - reason: Why, for the log, ``events`` and the dead letter.
    /// - Throws: `.closed`.
    public func reject(_ message: Message, because reason: any Error) throws(MsgBusError) {
        try core.reject(message, reason)
    }

    /// Commits what is done, and waits for the broker's answer.
    ///
    /// A cancelled task waits all the same, at most so long.
    ///
    /// - Parameter timeout: How long at most.
    /// - Throws: `.rebalance` when the group is just being rearranged; `.timeout`; `.closed`; what the broker says.
    public func commit(timeout: Duration = .seconds(10)) async throws(MsgBusError) {
        try await core.commit(within: timeout)
    }

    // MARK: State

    /// How the connection is. Never blocks.
    public func status() -> BusStatus { core.status }

    /// What happens to the connection, its partitions and its messages from now on: status changes, rebalances, errors.
    public var events: BusEvents { core.client.events.listen() }

    /// Closes: ends every read, waits for a running callback, commits what is done, leaves the group, and frees everything.
    ///
    /// While the group is being rearranged, for example since another member has just left, the broker may refuse the last commit:
    /// that is logged, and the messages since the commit before come again. Closing again waits for the same end. A cancelled task
    /// waits all the same: it always ends. Inside of a handler of this reader (``ReaderOptions/onRevoke`` and its neighbours) it
    /// returns at once.
    ///
    /// - Parameter timeout: How long at most.
    public func close(timeout: Duration = .seconds(10)) async {
        let end = core.close(within: timeout)
        // The close waits for the handler.
        if !core.membership.isInsideHandler { await end.value() }
    }
}
