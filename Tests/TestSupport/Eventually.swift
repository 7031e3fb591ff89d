/// How long a test waits for what has to happen; it never waits longer than it takes.
package let patience = Duration.seconds(30)

/// What only takes so long if it hangs. Tests share few threads, so what takes milliseconds alone can take many seconds.
package let hang = Duration.seconds(120)

/// Waits until a condition holds.
///
/// - Returns: Whether it did within the time.
package func eventually(
    within time: Duration = patience,
    isolation: isolated (any Actor)? = #isolation,
    _ condition: () async throws -> Bool
) async rethrows -> Bool {
    let deadline = ContinuousClock.now + time
    while ContinuousClock.now < deadline {
        if try await condition() { return true }
        try? await Task.sleep(for: .milliseconds(2))
    }
    return try await condition()
}
