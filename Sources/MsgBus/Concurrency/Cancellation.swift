internal import Dispatch
internal import Synchronization

/// Tells a blocking procedure that nobody waits for it any more.
final class Cancellation: Sendable {
    private let flag = Atomic(false)
    private let semaphore = DispatchSemaphore(value: 0)

    var isCancelled: Bool { flag.load(ordering: .relaxed) }

    func cancel() {
        flag.store(true, ordering: .relaxed)
        semaphore.signal()
    }

    /// Sleeps, or returns at once when cancelled.
    func sleep(_ time: Duration) {
        if semaphore.wait(timeout: .now() + .milliseconds(time.milliseconds)) == .success { semaphore.signal() }
    }

    func check() throws(MsgBusError) {
        if isCancelled { throw MsgBusError(.cancelled, "the task was cancelled while connecting") }
    }

    /// Runs a blocking procedure on a thread of its own for an asynchronous caller.
    static func run<Value: Sendable>(
        _ body: @escaping @Sendable (Cancellation) throws(MsgBusError) -> Value
    ) async throws(MsgBusError) -> Value {
        let cancellation = Cancellation()
        let result: Result<Value, MsgBusError> = await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                DispatchQueue.ours("msgbus.connect").async { @Sendable in
                    let result: Result<Value, MsgBusError>
                    do throws(MsgBusError) {
                        result = .success(try body(cancellation))
                    } catch {
                        result = .failure(error)
                    }
                    continuation.resume(returning: result)
                }
            }
        } onCancel: {
            cancellation.cancel()
        }
        return try result.get()
    }
}
