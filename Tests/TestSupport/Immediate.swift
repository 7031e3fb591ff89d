/// Starts a task that has run up to its first suspension when this returns (where the system can do that).
package func immediately<Value: Sendable>(
    _ body: @escaping @Sendable () async throws -> Value
) -> Task<Value, any Error> {
    if #available(macOS 26, iOS 26, tvOS 26, watchOS 26, visionOS 26, *) {
        return Task.immediate { try await body() }
    }
    return Task { try await body() }
}
