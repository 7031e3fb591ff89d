import Foundation
import MsgBus
import Synchronization
import TestSupport
import Testing

@Suite("Logins by token", .enabled(if: SecureCluster.isUsable, "\(SecureCluster.hint)"), .timeLimit(.minutes(5)))
struct TokenTests {
    /// A provider of tokens, and how often it was asked.
    private final class Provider: Sendable {
        let calls = Atomic(0)
        private let make: @Sendable (Int) async throws -> OAuthToken

        init(_ make: @escaping @Sendable (Int) async throws -> OAuthToken) { self.make = make }

        var count: Int { calls.load(ordering: .relaxed) }

        var security: Security {
            .sasl(
                .oauthBearer { [self] in try await make(calls.add(1, ordering: .relaxed).newValue) }
            )
        }
    }

    private struct Down: Error {}

    private func cluster() async throws -> SecureCluster {
        try await SecureCluster([.login("OAUTHBEARER", user: "alice", password: "token-1")])
    }

    private func token(_ text: String, lifetime: Duration = .seconds(3600)) -> OAuthToken {
        OAuthToken(token: Secret(text), principal: "alice", lifetime: lifetime)
    }

    private func failure(
        _ cluster: SecureCluster,
        _ provider: Provider,
        within time: Duration = hang,
        attempts: Int = .max,
        addresses: Int = 1
    ) async throws -> MsgBusError {
        var config = cluster.config(.writer, provider.security)
        if addresses == 2 { config.brokers += config.brokers.map { $0.replacing("127.0.0.1", with: "localhost") } }
        config.connectTimeout = time
        config.connectRetries = attempts
        let final = config
        let start = ContinuousClock.now
        let error = await #expect(throws: MsgBusError.self) { _ = try await KafkaWriter.connect(final) }
        #expect(start.duration(to: .now) < hang + patience)
        return try #require(error)
    }

    @Test("The provider's token opens the door, with TLS and without", arguments: [true, false])
    func token(isEncrypted: Bool) async throws {
        let login = SASLLogin.oauthBearer { token("token-1") }
        guard isEncrypted else { return try await cluster().expectRoundTrip(.sasl(login)) }
        let certificates = try SecureCluster.certificates.get()
        let cluster = try await SecureCluster(
            [.tls(certificates.broker()), .login("OAUTHBEARER", user: "alice", password: "token-1")]
        )
        let options = TLSOptions(certificateAuthorities: .file(certificates.authority.file))
        try await cluster.expectRoundTrip(.sasl(login, tls: options))
    }

    @Test(
        "A token's extensions come with it",
        .disabled(if: Sanitizer.findsLeaks, "librdkafka 2.0.2 keeps each connection's copy of them")
    )
    func extensions() async throws {
        let cluster = try await SecureCluster(
            [.login("OAUTHBEARER", user: "alice", password: "token-1 team=blue traceId=42")]
        )
        let extensions = ["traceId": "42", "team": "blue", "other": "is not looked at"]
        let login = SASLLogin.oauthBearer {
            OAuthToken(token: "token-1", principal: "alice", lifetime: .seconds(60), extensions: extensions)
        }
        try await cluster.expectRoundTrip(.sasl(login))
        let error = try await failure(cluster, Provider { _ in token("token-1") }, attempts: 1)
        #expect(error.code == .authentication)
    }

    @Test("A token that the broker doesn't accept is a final error, which doesn't show it")
    func refused() async throws {
        let error = try await failure(cluster(), Provider { _ in token("token-of-mallory") })
        #expect(error.code == .authentication)
        #expect(error.message.contains("the broker doesn't accept the login"))
        #expect(!error.isRetriable)
        #expect(!"\(error)".contains("mallory"))
    }

    @Test("A provider that fails is asked again until it works")
    func flaky() async throws {
        let provider = Provider { call in
            guard call >= 3 else { throw Down() }
            return token("token-1")
        }
        let cluster = try await cluster()
        defer { withExtendedLifetime(cluster) {} }
        let writer = try await KafkaWriter.connect(cluster.config(.writer, provider.security))
        try await writer.write("in")
        #expect(provider.count == 3)
        await writer.close()
    }

    @Test(
        "A provider that always fails is asked again in each attempt; its failure is the error",
        arguments: [1, 2]
    )
    func failing(addresses: Int) async throws {
        let provider = Provider { _ in throw Down() }
        let error = try await failure(cluster(), provider, attempts: 3, addresses: addresses)
        #expect(error.code == .authentication)
        #expect(error.message.contains("the token provider failed: Down()"))
        #expect(error.message.contains("3 attempts were made"))
        #expect(provider.count == 3)
    }

    @Test("A provider can say that its failure is for good", arguments: [1, 2])
    func failingForGood(addresses: Int) async throws {
        let provider = Provider { _ in throw MsgBusError(.configuration, "no client id") }
        let error = try await failure(cluster(), provider, addresses: addresses)
        #expect(error.message.contains("the token provider failed: no client id"))
        #expect(!error.isRetriable)
        #expect(provider.count == 1)
    }

    @Test(
        "A token that isn't one is the provider's failure, and isn't shown",
        arguments: ["", "s3cr3t\u{1}", "s3cr3t\u{0}", "s3cr3tö"]
    )
    func malformed(text: String) async throws {
        let error = try await failure(cluster(), Provider { _ in token(text) }, attempts: 1)
        #expect(error.code == .authentication)
        #expect(error.message.contains("its token is empty, or has other than printable ASCII characters"))
        #expect(!"\(error)".contains("s3cr3t"))
    }

    @Test("A token that has expired already, and an extension that can't be sent, are the provider's failure")
    func unusable() async throws {
        let expired = try await failure(
            cluster(),
            Provider { _ in token("token-1", lifetime: .zero) },
            attempts: 1
        )
        #expect(expired.message.contains("its token has expired already"))
        let odd = Provider { _ in
            OAuthToken(token: "token-1", principal: "alice", lifetime: .seconds(60), extensions: ["auth": "s3cr3t"])
        }
        let error = try await failure(cluster(), odd, attempts: 1)
        #expect(error.message.contains("the extension \"auth\""))
        #expect(!error.message.contains("s3cr3t"))
    }

    @Test("A provider that never returns costs the time given and no more, and is cancelled")
    func silent() async throws {
        let isCancelled = Shared(false)
        let provider = Provider { _ in
            await withTaskCancellationHandler {
                while !Task.isCancelled { try? await Task.sleep(for: .seconds(3600)) }
            } onCancel: {
                isCancelled.set(true)
            }
            return token("token-1")
        }
        let error = try await failure(cluster(), provider, within: .seconds(1))
        #expect(error.code == .timeout)
        #expect(error.message.contains("the token provider hasn't returned"))
        #expect(await eventually { isCancelled.value })
    }

    @Test("A provider that never returns, and doesn't notice that it is cancelled, holds up no close")
    func stubborn() async throws {
        let gate = OneWay()
        let provider = Provider { call in
            if call > 1 { await gate.passed() }
            return token("token-1", lifetime: .seconds(10))
        }
        let cluster = try await cluster()
        defer { withExtendedLifetime(cluster) {} }
        let writer = try await KafkaWriter.connect(cluster.config(.writer, provider.security))
        #expect(await eventually(within: hang) { provider.count == 2 })
        let start = ContinuousClock.now
        await writer.close()
        #expect(start.duration(to: .now) < hang)
        #expect(writer.status() == .closed)
        gate.open()
    }

    @Test("The next token is there before the last one ends")
    func refreshed() async throws {
        let provider = Provider { call in token("token-\(call)", lifetime: .seconds(6)) }
        let cluster = try await cluster()
        defer { withExtendedLifetime(cluster) {} }
        for number in 2...9 { try cluster.proxy.allow("OAUTHBEARER", user: "alice", password: "token-\(number)") }
        let writer = try await KafkaWriter.connect(cluster.config(.writer, provider.security))
        #expect(await eventually(within: hang) { provider.count >= 3 })
        // The first one isn't good for anything any more.
        try cluster.proxy.forbid("OAUTHBEARER", user: "alice")
        for number in 2...99 { try cluster.proxy.allow("OAUTHBEARER", user: "alice", password: "token-\(number)") }
        try cluster.proxy.resetConnections()
        try await writer.write("still here")
        await writer.close()
    }

    @Test("A provider that fails later is told of, and asked again")
    func failsLater() async throws {
        let provider = Provider { call in
            if call == 2 { throw Down() }
            return token("token-1", lifetime: call == 1 ? .seconds(10) : .seconds(3600))
        }
        let cluster = try await cluster()
        defer { withExtendedLifetime(cluster) {} }
        let writer = try await KafkaWriter.connect(cluster.config(.writer, provider.security))
        let told = Collected<String>()
        let events = writer.events
        let listening = Task { for await event in events { told.append("\(event)") } }
        #expect(
            await eventually(within: hang) {
                told.all.contains { $0.contains("error: authentication: the token provider failed: Down()") }
            }
        )
        #expect(await eventually(within: hang) { provider.count == 3 })
        try await writer.write("in")
        await writer.close()
        await listening.value
    }

    @Test("A token that is taken away before its time is replaced")
    func revoked() async throws {
        let provider = Provider { call in token("token-\(call)") }
        let cluster = try await cluster()
        defer { withExtendedLifetime(cluster) {} }
        let writer = try await KafkaWriter.connect(cluster.config(.writer, provider.security))
        try cluster.proxy.forbid("OAUTHBEARER", user: "alice")
        for number in 2...9 { try cluster.proxy.allow("OAUTHBEARER", user: "alice", password: "token-\(number)") }
        try cluster.proxy.resetConnections()
        try await writer.write("with another one")
        #expect(provider.count >= 2)
        await writer.close()
    }

    @Test("A login by token that is set by properties alone is an error that asks for a provider")
    func noProvider() async throws {
        let cluster = try await cluster()
        defer { withExtendedLifetime(cluster) {} }
        var config = cluster.config(.writer, .plaintext)
        config.properties["security.protocol"] = "sasl_plaintext"
        config.properties["sasl.mechanism"] = "OAUTHBEARER"
        let final = config
        let error = await #expect(throws: MsgBusError.self) { _ = try await KafkaWriter.connect(final) }
        #expect(error?.code == .authentication)
        #expect(error?.message.contains("there is no token provider") == true)
    }
}

/// Suspends whoever comes until it is opened; doesn't care about cancellation.
private final class OneWay: Sendable {
    private let waiting = Mutex<(isOpen: Bool, continuations: [CheckedContinuation<Void, Never>])>((false, []))

    func passed() async {
        await withCheckedContinuation { continuation in
            let isOpen = waiting.withLock { state in
                if !state.isOpen { state.continuations.append(continuation) }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }

    func open() {
        let continuations = waiting.withLock { state in
            state.isOpen = true
            defer { state.continuations = [] }
            return state.continuations
        }
        for continuation in continuations { continuation.resume() }
    }
}
