internal import Synchronization

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
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(account: Account(reader: reader)) }

    /// A loop over a reader's messages.
    public struct AsyncIterator: AsyncIteratorProtocol {
        let account: Account

        /// The next message; asking for it says that the last one is done (with ``AckMode/automatic``).
        ///
        /// - Returns: Nil when the reader was closed.
        /// - Throws: `.cancelled`; `.state` while a callback is registered; what made the reader fail.
        public mutating func next(
            isolation actor: isolated (any Actor)? = #isolation
        ) async throws(MsgBusError) -> Message? {
            let core = account.reader.core
            do throws(MsgBusError) {
                if Task.isCancelled { throw MsgBusError(.cancelled, "the task was cancelled") }
                let done = account.takeLast()
                var message = try core.next(after: done, for: account.caller)
                if message == nil {
                    message = try ReaderCore.messages(of: await core.wait(upTo: 1, for: .none, until: nil)).first
                }
                account.last = message.flatMap { core.stretch(of: $0) }
                return message
            } catch  where error.code == .closed {
                return nil
            }
        }
    }

    /// What a loop has in hand, and whose loop it is.
    final class Account {
        let reader: KafkaReader
        let caller: Caller
        var last: Stretch?

        init(reader: KafkaReader) {
            self.reader = reader
            // Only a group asks who comes back.
            caller = reader.core.config.groupID == nil ? .none : .currentTask
        }

        deinit {
            if let last { reader.core.left(last, by: caller) }
        }

        func takeLast() -> Stretch? {
            defer { last = nil }
            return last
        }
    }
}
