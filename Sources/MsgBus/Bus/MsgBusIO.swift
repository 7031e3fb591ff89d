/// A connection to one topic, in one direction: the seven calls of the bus.
///
/// ``connect(_:)`` makes one. The calls here block the calling thread where they have to wait, so they are for threads of
/// your own; in a task use ``KafkaWriter`` and ``KafkaReader``, which say the same with `async`.
///
/// All calls may be made from any thread at any time, also after ``disconnect()``; what doesn't fit is a ``MsgBusError``.
public protocol MsgBusIO: AnyObject, Sendable {
    /// Writes a text to the topic.
    ///
    /// With ``BlockingMode/blocking`` it returns when the broker has acknowledged the message, or throws what happened to it,
    /// at the latest after ``WriterOptions/deliveryTimeout``. With ``BlockingMode/nonBlocking`` it returns at once; a later
    /// failure reaches ``WriterOptions/onUndelivered`` and ``disconnect()``.
    ///
    /// - Parameter message: The text. Empty is a message like any other.
    /// - Throws: What happened to the message; `.queueFull` (non-blocking only); `.closed`; `.state` on a reader.
    @available(*, noasync, message: "use `await KafkaWriter.write(_:)` in a task")
    func messageWrite(_ message: String) throws(MsgBusError)

    /// Takes the next message, and blocks until there is one.
    ///
    /// In a group the message taken before is acknowledged by this call, see ``AckMode/automatic``.
    ///
    /// - Returns: The message's value as text. A tombstone, which has no value, reads as the empty text.
    /// - Throws: `.closed` when the reader is closed, also while this call waits; `.state` on a writer, or while a callback is
    ///   registered; `.serialization` for bytes that aren't UTF-8: the error names the message's partition and offset, and the next
    ///   call goes on behind it.
    @available(*, noasync, message: "use `await KafkaReader.read()` in a task")
    func messageRead() throws(MsgBusError) -> String

    /// How many messages ``messageRead()`` would return without waiting; 0 on a writer and after a close.
    func messageAvailable() -> Int

    /// Has each message from now on given to a callback, first those that have arrived already, in order.
    ///
    /// Callbacks run one at a time, on a queue of the reader's own. While one is slow, messages wait on the broker.
    ///
    /// - Parameter callback: Gets each message's value as text; bytes that aren't UTF-8 are repaired with U+FFFD. Use
    ///   ``KafkaReader/onMessage(_:)`` for the whole message.
    /// - Throws: `.state` when a callback is registered already, when someone waits in a read, or on a writer; `.closed`.
    func registerCB(_ callback: @escaping @Sendable (String) -> Void) throws(MsgBusError)

    /// Ends the callback. When this returns no callback runs and none will, except the one that made this call itself.
    ///
    /// Messages that nobody took yet stay for the next read or callback.
    ///
    /// - Throws: `.state` when no callback is registered, or on a writer; `.closed`.
    @available(*, noasync, message: "use `await KafkaReader.stopCallback()` in a task")
    func unregisterCB() throws(MsgBusError)

    /// How the connection is. Never blocks.
    func status() -> BusStatus

    /// Closes: delivers what was written, or leaves the group, and frees everything. Idempotent.
    ///
    /// Ends by the `closeTimeout` of ``WriterOptions`` or ``ReaderOptions``, whatever the broker does. Everyone who waits in a
    /// read or write gets an answer. From inside a callback it doesn't wait for that callback.
    ///
    /// - Throws: On a writer, the first time only: `.purged` when messages could not be delivered; the error says how many.
    @available(*, noasync, message: "use `await close()` of KafkaWriter or KafkaReader in a task")
    func disconnect() throws(MsgBusError)
}
