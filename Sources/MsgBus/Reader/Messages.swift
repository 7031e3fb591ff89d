/// The messages of a reader, one after another: ``KafkaReader/messages``.
///
/// Taking a message that is there costs no suspension, from whatever actor the loop runs on.
public struct Messages: AsyncSequence, Sendable {
    /// What a loop over messages gets.
    public typealias Element = Message
    /// What a loop over messages can throw.
    public typealias Failure = MsgBusError

    /// Held on to: the loop may be all that is left of a reader, which would close if it were let go.
    let reader: KafkaReader

    /// Begins a loop. Several loops over one reader share its messages.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(reader: reader) }

    /// A loop's own account.
    public struct AsyncIterator: AsyncIteratorProtocol {
        private let reader: KafkaReader
        private var last: ReaderState.Position?

        init(reader: KafkaReader) { self.reader = reader }

        /// The next message; asking for it says that the last one is done (with ``AckMode/automatic``).
        ///
        /// - Returns: Nil when the reader was closed.
        /// - Throws: `.cancelled`; `.state` while a callback is registered; what made the reader fail for good.
        public mutating func next(
            isolation actor: isolated (any Actor)? = #isolation
        ) async throws(MsgBusError) -> Message? {
            let core = reader.core
            do throws(MsgBusError) {
                if Task.isCancelled { throw MsgBusError(.cancelled, "the task was cancelled") }
                let done = last
                last = nil
                var message = try core.next(after: done)
                if message == nil {
                    message = try ReaderCore.messages(of: await core.wait(upTo: 1, for: .none, until: nil)).first
                }
                last = message.flatMap { core.position(of: $0) }
                return message
            } catch  where error.code == .closed {
                return nil
            }
        }
    }
}
