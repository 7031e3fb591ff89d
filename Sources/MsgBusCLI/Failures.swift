/// An error of a command's own, said completely.
struct CommandFailure: Error {
    var message: String
    var status = ExitStatus.error
}

/// What went wrong in a command that has to go on all the same, to close what it opened.
struct Failures: Error {
    private(set) var errors: [any Error] = []

    /// Runs a step, and keeps what it throws.
    ///
    /// - Returns: Whether it went well.
    @discardableResult
    mutating func gather(_ step: () async throws -> Void) async -> Bool {
        do {
            try await step()
            return true
        } catch {
            errors.append(error)
            return false
        }
    }

    /// Throws if a step did.
    func check() throws(Self) {
        if !errors.isEmpty { throw self }
    }
}
