import Foundation

/// Runs blocking code on a thread of its own and awaits its end: the blocking calls can't be made from a task.
package func onThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withUnsafeThrowingContinuation { continuation in
        let thread = Thread { @Sendable in
            continuation.resume(with: Result { try body() })
        }
        thread.stackSize = 256 * 1024
        thread.start()
    }
}
