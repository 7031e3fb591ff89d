import Synchronization
package import Testing

/// What an exit test needs: of all of them, in whatever suite, one runs at a time.
///
/// Swift Testing reads what the process reports with a blocking call, on one of the few threads that all tasks share. On two
/// cores, two such tests would keep everybody else from running for as long as their processes live.
package struct OwnProcess: SuiteTrait, TestTrait, TestScoping {
    private static let last = Mutex<Task<Void, Never>?>(nil)

    package var isRecursive: Bool { true }

    package func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing body: @concurrent @Sendable () async throws -> Void
    ) async throws {
        let (gate, end) = AsyncStream<Never>.makeStream()
        let previous = Self.last.withLock { last in
            defer { last = Task { for await _ in gate {} } }
            return last
        }
        await previous?.value
        defer { end.finish() }
        try await body()
    }
}

extension Trait where Self == OwnProcess {
    /// A test that watches a process of its own.
    package static var ownProcess: Self { Self() }
}
