internal import CRdKafka
internal import Dispatch
internal import Synchronization

#if canImport(Darwin)
private import Darwin
#else
private import Glibc
#endif

/// Gets a client's OAUTHBEARER tokens from the application's provider.
///
/// librdkafka asks for one with an event: at first, after four fifths of a token's time, and ten seconds after a failure.
/// The provider runs in a task of its own, so neither librdkafka's threads nor the poll loop wait for it.
final class TokenSource: Sendable {
    /// A token that is refused is replaced when it is so old: else a broker that refuses all would have the provider called all the time.
    private static let shortestLife = Duration.seconds(10)

    private struct State {
        /// Nil once the client is gone, or not there yet.
        var client: CHandle?
        var task: Task<Void, Never>?
        /// Counts the provider's runs: what a run brings after it was given up is ignored.
        var run = 0
        var failure: MsgBusError?
        var lastStart: ContinuousClock.Instant?
        /// Whether it is to run once more when a refused token is old enough.
        var isPlanned = false
    }

    private let provider: OAuthProvider
    /// After so long the provider isn't waited for any more.
    private let patience: Duration
    private let state = Mutex(State())

    init(_ provider: OAuthProvider, patience: Duration = .seconds(60)) {
        self.provider = provider
        self.patience = patience
    }

    func attach(_ client: CHandle) { state.withLock { $0.client = client } }

    /// Whether the provider runs right now.
    var isWaiting: Bool { state.withLock { $0.task != nil } }

    /// Why there was no token the last time, if there was none.
    var failure: MsgBusError? { state.withLock { $0.failure } }

    /// Runs the provider, unless it runs.
    func refresh() {
        let run: Int? = state.withLock { state in
            guard state.client != nil, state.task == nil else { return nil }
            state.run += 1
            state.lastStart = .now
            let run = state.run
            state.task = Task { [provider] in
                let result: Result<OAuthToken, any Error>
                do {
                    result = .success(try await provider.fetch())
                } catch {
                    result = .failure(error)
                }
                self.finish(run, result)
            }
            return run
        }
        guard let run else { return }
        DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(patience.milliseconds)) {
            @Sendable [weak self] in
            self?.giveUp(run)
        }
    }

    /// A broker has refused the token: it may have been revoked. Asks for another one, at most every ten seconds.
    func wasRefused() {
        let pause: Duration? = state.withLock { state in
            guard !state.isPlanned else { return nil }
            let age = state.lastStart.map { $0.duration(to: .now) } ?? Self.shortestLife
            state.isPlanned = true
            return max(.zero, Self.shortestLife - age)
        }
        guard let pause else { return }
        DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(pause.milliseconds)) {
            @Sendable [weak self] in
            guard let self else { return }
            state.withLock { $0.isPlanned = false }
            refresh()
        }
    }

    /// The client is about to be destroyed.
    func close() {
        let task = state.withLock { state in
            state.client = nil
            state.run += 1
            defer { state.task = nil }
            return state.task
        }
        task?.cancel()
    }

    private func giveUp(_ run: Int) {
        let task: Task<Void, Never>? = state.withLock { state in
            guard state.run == run, let task = state.task else { return nil }
            fail(
                MsgBusError(
                    .authentication,
                    "the token provider hasn't returned within \(patience)",
                    isRetriable: true
                ),
                &state
            )
            state.run += 1
            return task
        }
        task?.cancel()
    }

    private func finish(_ run: Int, _ result: Result<OAuthToken, any Error>) {
        // With the lock held, lest the client be destroyed meanwhile; librdkafka calls nobody back here.
        state.withLock { state in
            guard state.run == run, let client = state.client else { return }
            do {
                try Self.give(result.get(), to: client)
                state.task = nil
                state.failure = nil
            } catch {
                fail(Self.explained(error), &state)
            }
        }
    }

    private func fail(_ error: MsgBusError, _ state: inout State) {
        state.task = nil
        state.failure = error
        guard let client = state.client else { return }
        // It makes an event of it, unless it is the same failure once more.
        rd_kafka_oauthbearer_set_token_failure(client.pointer, error.message)
    }

    /// A provider whose failure is for good says so with an error of ours that isn't retriable.
    private static func explained(_ error: any Error) -> MsgBusError {
        if var error = error as? MsgBusError {
            error.message = "the token provider failed: \(error.message)"
            error.code = .authentication
            return error
        }
        return MsgBusError(.authentication, "the token provider failed: \(error)", isRetriable: true)
    }

    private static func give(_ token: OAuthToken, to client: CHandle) throws(MsgBusError) {
        try token.validate()
        let texts: [String] = token.extensions.sorted { $0.key < $1.key }.flatMap { [$0.key, $0.value] }
        let words: [UnsafeMutablePointer<CChar>?] = texts.map { strdup($0) }
        defer { for word in words { free(word) } }
        var extensions: [UnsafePointer<CChar>?] = words.map { UnsafePointer($0) }
        let code = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 512) { text in
            rd_kafka_oauthbearer_set_token(
                client.pointer,
                token.token.reveal(),
                token.expires.millisecondsSince1970,
                token.principal,
                &extensions,
                extensions.count,
                text.baseAddress!,
                text.count
            )
        }
        // Its text may show the token.
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw MsgBusError(kafka: code, "librdkafka refuses its token") }
    }
}
