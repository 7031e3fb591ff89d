import TestSupport
import Testing

@testable import MsgBus

@Suite("The source of tokens", .timeLimit(.minutes(5)))
struct TokenSourceTests {
    /// A client that logs in with tokens, and has nobody to log in to.
    private func withClient(_ body: (KafkaClient) async throws -> Void) async throws {
        var config = MsgBusConfig(topic: unique("tokens"), direction: .writer)
        config.port = try ClosedPort.number()
        config.properties = ["security.protocol": "sasl_plaintext", "sasl.mechanisms": "OAUTHBEARER"]
        let connector = try Connector(config, .writer, .current(), Cancellation())
        let client = try KafkaClient.producer(WriterProperties.make(connector), connector)
        let result: Result<Void, any Error>
        do {
            result = .success(try await body(client))
        } catch {
            result = .failure(error)
        }
        connector.discard(client)
        try result.get()
    }

    @Test("A provider that takes too long is given up, cancelled, and asked again; what it brings then is ignored")
    func patience() async throws {
        let (calls, cancelled) = (Shared(0), Shared(0))
        let provider = OAuthProvider {
            calls.withLock { $0 += 1 }
            try? await Task.sleep(for: hang)
            cancelled.withLock { $0 += 1 }
            return OAuthToken(token: "late", principal: "alice", lifetime: .seconds(60))
        }
        try await withClient { client in
            let source = TokenSource(provider, patience: .milliseconds(50))
            source.attach(client.handle)
            source.refresh()
            source.refresh()
            #expect(
                await eventually { source.failure?.message.contains("hasn't returned within 0.05 seconds") == true }
            )
            #expect(source.failure?.isRetriable == true)
            #expect(!source.isWaiting)
            #expect(await eventually { cancelled.value == 1 })
            #expect(calls.value == 1)
            source.refresh()
            #expect(await eventually { cancelled.value == 2 })
            #expect(source.failure != nil)
            source.close()
        }
    }

    @Test("After a close the provider isn't asked any more, and what it brings has nowhere to go")
    func closed() async throws {
        let (calls, isOver) = (Shared(0), Shared(false))
        let provider = OAuthProvider {
            calls.withLock { $0 += 1 }
            try? await Task.sleep(for: hang)
            isOver.set(true)
            return OAuthToken(token: "late", principal: "alice", lifetime: .seconds(60))
        }
        try await withClient { client in
            let source = TokenSource(provider)
            source.attach(client.handle)
            source.refresh()
            #expect(await eventually { calls.value == 1 })
            source.close()
            #expect(await eventually { isOver.value })
            source.refresh()
            #expect(!source.isWaiting)
            #expect(source.failure == nil)
        }
    }
}
