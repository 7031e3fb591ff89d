import Synchronization

/// What callbacks of any thread gathered.
public final class Collected<Element: Sendable>: Sendable {
    private let state = Mutex<[Element]>([])

    public init() {}

    public func append(_ element: Element) { state.withLock { $0.append(element) } }
    public var all: [Element] { state.withLock { $0 } }
    public var count: Int { state.withLock { $0.count } }
}

/// A value that several threads see.
public final class Shared<Value: Sendable>: Sendable {
    private let state: Mutex<Value>

    public init(_ value: Value) { state = Mutex(value) }

    public var value: Value { state.withLock { $0 } }
    public func set(_ value: Value) { state.withLock { $0 = value } }
}

/// A switch that one side waits for and the other one opens.
public final class Gate: Sendable {
    private let isOpen = Atomic(false)

    public init() {}

    public func open() { isOpen.store(true, ordering: .releasing) }

    /// Blocks the thread; gives up after the patience of tests.
    public func wait() {
        let deadline = ContinuousClock.now + patience
        while !isOpen.load(ordering: .acquiring), ContinuousClock.now < deadline { usleep(500) }
    }
}

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif
