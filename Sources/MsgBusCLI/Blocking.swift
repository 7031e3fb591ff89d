import Dispatch

/// Calls that block, for tasks.
enum Blocking {
    /// Makes a call on a thread of its own, where it may block for as long as it likes.
    ///
    /// A cancelled task doesn't wait for it any longer. The call goes on: it can't be interrupted, only outlived.
    ///
    /// - Throws: What the call throws; `CancellationError`.
    static func run<Value: Sendable>(_ call: @escaping @Sendable () throws -> Value) async throws -> Value {
        let (answers, answer) = AsyncThrowingStream.makeStream(of: Value.self)
        DispatchQueue(label: "msgbus.blocking").async { @Sendable in
            answer.yield(with: Result(catching: call))
        }
        for try await value in answers { return value }
        throw CancellationError()
    }
}
