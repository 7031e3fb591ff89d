internal import Synchronization

/// What writes inside of ``KafkaWriter/transaction(_:)``.
///
/// It ends with the body that it was given to; after that every call throws `.state`.
public final class Transaction: Sendable {
    /// The transactions that the current task is inside of.
    @TaskLocal static var enclosing: [TransactionState.ID] = []

    private static let lastID = Atomic<TransactionState.ID>(0)

    let id: TransactionState.ID
    private let core: WriterCore

    init(_ core: WriterCore) {
        self.core = core
        id = Self.lastID.add(1, ordering: .relaxed).newValue
    }

    /// Writes a text, and waits until the broker has it; readers of committed messages see it after the commit.
    ///
    /// - Parameters:
    ///   - text: The value, sent as UTF-8.
    ///   - key: The key, sent as UTF-8. Messages with equal keys go to the same partition.
    ///   - headers: The headers.
    /// - Returns: Where the message stands.
    /// - Throws: As ``KafkaWriter/write(_:key:headers:)``; `.transactionAbortable` when the transaction has failed already, `.state` when
    ///   it has ended. A body that catches the error can go on only if the message was refused, as for `.messageTooLarge`; after the
    ///   failure of one that was on its way there is no commit.
    @discardableResult
    public func write(
        _ text: String,
        key: String? = nil,
        headers: Headers = Headers()
    ) async throws(MsgBusError) -> Delivery {
        try await write(OutgoingMessage(text, key: key, headers: headers))
    }

    /// Writes a message, and waits until the broker has it.
    ///
    /// - Parameter message: The message.
    /// - Returns: Where the message stands.
    /// - Throws: As ``write(_:key:headers:)``.
    @discardableResult
    public func write(_ message: OutgoingMessage) async throws(MsgBusError) -> Delivery {
        try await core.write(message, in: id)
    }

    /// Writes messages, and waits until the broker has them all. This is the fast way for many messages: they travel together.
    ///
    /// - Parameter messages: The messages; those of one partition arrive in this order.
    /// - Returns: Where each stands, in the order given.
    /// - Throws: As ``write(_:key:headers:)``, for the first that failed.
    @discardableResult
    public func write(contentsOf messages: some Sequence<OutgoingMessage>) async throws(MsgBusError) -> [Delivery] {
        var deliveries: [Delivery] = []
        for outcome in try await core.write(contentsOf: Array(messages), in: id) {
            deliveries.append(try outcome.get())
        }
        return deliveries
    }

    /// Hands a message over and returns at once. The commit waits for it; if it fails, there is no commit.
    ///
    /// - Parameter message: The message.
    /// - Throws: `.queueFull` when the buffer is full: write it instead; what is wrong with the message itself; as
    ///   ``write(_:key:headers:)``.
    public func enqueue(_ message: OutgoingMessage) throws(MsgBusError) {
        try core.enqueue(message, in: id)
    }

    /// Hands messages over and returns at once, as many of the first ones as there is room for. The commit waits for them.
    ///
    /// - Parameter messages: The messages; those of one partition arrive in this order.
    /// - Returns: How many of the first ones were taken.
    /// - Throws: When not even the first was taken: as ``enqueue(_:)``.
    @discardableResult
    public func enqueue(contentsOf messages: some Sequence<OutgoingMessage>) throws(MsgBusError) -> Int {
        try core.enqueue(Array(messages), in: id)
    }

    /// Says that a message is done if this transaction is committed: then, and only then, the group won't see it again.
    ///
    /// The messages of a partition have to be acknowledged in order, none left out: else one that is done would come again together with
    /// one that isn't. So if a transaction is aborted, the next one has to acknowledge its messages too, done again or skipped.
    /// This is checked when it is committed, and what is wrong then aborts it: `.state` for a message out of order or one that an earlier
    /// transaction is committed with, `.rebalance` for one whose partition another member has by now.
    ///
    /// - Parameters:
    ///   - message: A message of the reader.
    ///   - reader: A reader with ``AckMode/transactional``.
    /// - Throws: `.state` for another reader, and when the transaction has ended; `.closed`.
    public func acknowledge(_ message: Message, of reader: KafkaReader) throws(MsgBusError) {
        try acknowledge(CollectionOfOne(message), of: reader)
    }

    /// Says that messages are done if this transaction is committed, see ``acknowledge(_:of:)-(Message,_)``.
    ///
    /// - Parameters:
    ///   - messages: Messages of the reader: a batch, for example.
    ///   - reader: A reader with ``AckMode/transactional``.
    /// - Throws: As for one message.
    public func acknowledge(_ messages: some Sequence<Message>, of reader: KafkaReader) throws(MsgBusError) {
        try reader.core.checkTransactional()
        try core.acknowledge(messages.map { Stretch($0) }, of: reader.core, in: id)
    }
}

extension KafkaWriter {
    /// Runs a body whose writes count all or not at all.
    ///
    /// ```swift
    /// try await writer.transaction { transaction in
    ///     try await transaction.write("from the account", key: "7")
    ///     try await transaction.write("to the account", key: "8")
    /// }
    /// ```
    ///
    /// The transaction is committed when the body returns, and aborted when it throws, or when its task is cancelled before the commit
    /// has begun. Readers with ``Isolation/readCommitted``, which is the default, see all of its messages or none. The writer needs a
    /// ``WriterOptions/transactionalID``, and then writes in transactions only.
    ///
    /// **Exactly once.** What was read can be acknowledged together with what is written for it: a crash in between neither loses nor
    /// repeats anything. The reader's ``AckMode`` is `.transactional`, and in a loop:
    ///
    /// ```swift
    /// let orders = try await reader.readBatch(upTo: 100, within: .seconds(1))
    /// try await writer.transaction { transaction in
    ///     for order in orders { try transaction.enqueue(invoice(for: order)) }
    ///     try transaction.acknowledge(orders, of: reader)
    /// }
    /// ```
    ///
    /// **Once more.** An error that ``MsgBusError/isRetriable`` means that the transaction was aborted, and can be run again with the same
    /// messages. A `.timeout` that isn't retriable means that the commit is under way and nobody knows its end: the next transaction
    /// waits for that first, and if it was committed, refuses to acknowledge the same messages once more.
    ///
    /// **One at a time.** A transaction waits until those called before it have ended. One inside the body of another of the same writer
    /// is a `.state` error.
    ///
    /// **Close.** ``close(timeout:)`` aborts a transaction whose body still runs.
    ///
    /// - Parameter body: Writes with the transaction that it is given. It runs once, in the caller's isolation.
    /// - Returns: What the body returned; the transaction is committed.
    /// - Throws: What the body threw. Where the transaction failed by itself, which an error of one of its writes only follows from:
    ///   `.transactionAbortable`; `.fenced` when a newer writer with the same transactionalID took over, or `.fatal`, both of which end
    ///   this writer; `.timeout` after ``WriterOptions/transactionTimeout``. What ``Transaction/acknowledge(_:of:)-(Message,_)`` names.
    ///   `.state` without a transactionalID; `.cancelled`, `.closed`.
    @discardableResult
    public func transaction<Value>(_ body: (Transaction) async throws -> Value) async throws -> Value {
        let transaction = Transaction(core)
        try await core.begin(transaction.id, inside: Transaction.enclosing)
        let value: Value
        do {
            value = try await Transaction.$enclosing.withValue(Transaction.enclosing + [transaction.id]) {
                try await body(transaction)
            }
        } catch let error as MsgBusError {
            throw await core.end(transaction.id, commit: false, needsDiagnosis: true) ?? error
        } catch {
            _ = await core.end(transaction.id, commit: false)
            throw error
        }
        if let error = await core.end(transaction.id, commit: true) { throw error }
        return value
    }
}
