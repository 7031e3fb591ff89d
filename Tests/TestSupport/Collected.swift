import Dispatch
import Synchronization

/// What callbacks of any thread gathered.
package final class Collected<Element: Sendable>: Sendable {
    private let state = Mutex<[Element]>([])

    package init() {}

    package func append(_ element: Element) { state.withLock { $0.append(element) } }
    package var all: [Element] { state.withLock { $0 } }
    package var count: Int { state.withLock { $0.count } }
}

/// A value that several threads see.
package final class Shared<Value: Sendable>: Sendable {
    private let state: Mutex<Value>

    package init(_ value: Value) { state = Mutex(value) }

    package var value: Value { state.withLock { $0 } }
    package func set(_ value: Value) { state.withLock { $0 = value } }
    package func withLock<Result: Sendable>(_ body: (inout Value) -> Result) -> Result { state.withLock { body(&$0) } }
}

/// A switch that one side waits for and the other one opens.
package final class Gate: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)

    package init() {}

    package func open() { semaphore.signal() }

    /// Blocks the thread; gives up when it must have been forgotten.
    package func wait() {
        // Open once is open for everyone: each who passes lets the next one pass.
        if semaphore.wait(timeout: .now() + .seconds(Int(hang.components.seconds))) == .success {
            semaphore.signal()
        }
    }
}
