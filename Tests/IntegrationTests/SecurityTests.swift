import Foundation
import MsgBus
import TestSupport
import Testing

/// A broker behind TLS, or behind logins, or both: ``FaultProxy`` has them, in front of a broker in its own process.
@Suite(
    "Connections that are protected",
    .enabled(if: SecureCluster.isUsable, "\(SecureCluster.hint)"),
    .timeLimit(.minutes(5))
)
struct SecurityTests {
    let certificates = try! SecureCluster.certificates.get()

    private func trusting(_ change: (inout TLSOptions) -> Void = { _ in }) -> TLSOptions {
        var options = TLSOptions(certificateAuthorities: .file(certificates.authority.file))
        change(&options)
        return options
    }

    /// What connecting to these guards with that security throws.
    private func failure(
        _ guards: [FaultProxy.Guard],
        _ security: Security,
        attempts: Int = .max,
        _ change: (inout MsgBusConfig) -> Void = { _ in }
    ) async throws -> MsgBusError {
        let cluster = try await SecureCluster(guards)
        var config = cluster.config(.writer, security)
        config.connectRetries = attempts
        change(&config)
        let final = config
        let start = ContinuousClock.now
        let error = await #expect(throws: MsgBusError.self) { _ = try await KafkaWriter.connect(final) }
        #expect(start.duration(to: .now) < hang)
        return try #require(error)
    }

    // MARK: TLS

    @Test("With the right certificate messages go out and come in")
    func tls() async throws {
        let cluster = try await SecureCluster([.tls(certificates.broker())])
        try await cluster.expectRoundTrip(.tls(trusting()))
        try await cluster.expectRoundTrip(.tls(caFile: certificates.authority.file))
    }

    @Test("Authorities can be a text, also several of which another one is the right one")
    func authoritiesAsText() async throws {
        let cluster = try await SecureCluster([.tls(certificates.broker())])
        let both = try certificates.stranger.pem + certificates.authority.pem
        for text in [try certificates.authority.pem, both] {
            try await cluster.expectRoundTrip(.tls(TLSOptions(certificateAuthorities: .text(text))))
        }
        try await cluster.expectRoundTrip(.tls(TLSOptions(certificateAuthorities: .file(try certificates.file(both)))))
    }

    @Test("A broker's certificate of another authority is refused, and the error says so")
    func wrongAuthority() async throws {
        let error = try await failure([.tls(certificates.broker(issuer: certificates.stranger))], .tls(trusting()))
        #expect(error.code == .tls)
        #expect(error.message.contains("is of no authority that is trusted"))
        #expect(!error.isRetriable)
    }

    @Test("One broker of several that is right is enough, and none of several is an error")
    func severalBrokers() async throws {
        let good = try await SecureCluster([.tls(certificates.broker())])
        let bad = try await SecureCluster([.tls(certificates.broker(issuer: certificates.stranger))])
        var config = good.config(.writer, .tls(trusting()))
        config.brokers = bad.proxy.brokers + good.proxy.brokers
        // librdkafka asks them in an order of its own.
        for _ in 0..<8 { await (try await KafkaWriter.connect(config)).close() }
        config.brokers = bad.proxy.brokers + bad.proxy.brokers.map { $0.replacing("127.0.0.1", with: "localhost") }
        let start = ContinuousClock.now
        let hopeless = config
        let error = await #expect(throws: MsgBusError.self) { try await KafkaWriter.connect(hopeless) }
        #expect(error?.code == .tls)
        #expect(start.duration(to: .now) < patience)
    }

    @Test("The system's authorities don't include ours")
    func systemAuthorities() async throws {
        let error = try await failure([.tls(certificates.broker())], .tls())
        #expect(error.code == .tls)
        #expect(error.message.contains("is of no authority that is trusted"))
    }

    @Test("Who insists on trusting everybody can")
    func noVerification() async throws {
        let cluster = try await SecureCluster([.tls(certificates.broker(days: -1, issuer: certificates.stranger))])
        try await cluster.expectRoundTrip(.tls(trusting())) {
            $0.properties["enable.ssl.certificate.verification"] = "false"
        }
    }

    @Test("A certificate for another host is refused, unless nobody wants to know")
    func wrongHost() async throws {
        let guards: [FaultProxy.Guard] = [.tls(try certificates.broker(names: "DNS:other.example"))]
        let error = try await failure(guards, .tls(trusting()))
        #expect(error.code == .tls)
        #expect(error.message.contains("is for another host"))
        let cluster = try await SecureCluster(guards)
        try await cluster.expectRoundTrip(.tls(trusting { $0.verifiesHostName = false }))
    }

    @Test("An expired certificate is refused, and the error says so")
    func expired() async throws {
        let error = try await failure([.tls(certificates.broker(days: -1))], .tls(trusting()))
        #expect(error.code == .tls)
        #expect(error.message.contains("has expired"))
    }

    @Test("TLS to a port without it is an error that asks for the other port")
    func plaintextPort() async throws {
        let error = try await failure([], .tls(trusting()), attempts: 1)
        #expect(error.code == .tls)
        #expect(error.message.contains("TLS port"))
        let broker = try ProcessBroker.shared.get()
        var config = broker.config(topic: "t", direction: .writer)
        config.security = .tls(trusting())
        config.connectTimeout = patience
        config.connectRetries = 1
        let direct = config
        let other = await #expect(throws: MsgBusError.self) { _ = try await KafkaWriter.connect(direct) }
        #expect(other?.code == .tls)
        #expect(other?.message.contains("TLS port") == true)
    }

    @Test("No TLS to a port with it is an error that asks for TLS")
    func tlsPort() async throws {
        let error = try await failure([.tls(certificates.broker())], .plaintext, attempts: 1)
        #expect(error.code == .transport)
        #expect(error.message.contains("if it is a TLS port, set MsgBusConfig.security to .tls"))
    }

    // MARK: Versions

    @Test("TLS 1.3 as the minimum gets nothing older", arguments: [TLSVersion.v1_2, .v1_3])
    func versions(minimum: TLSVersion) async throws {
        let security = Security.tls(trusting { $0.minimumVersion = minimum })
        let certificate = try certificates.broker()
        let newest = try await SecureCluster([.tls(certificate), .tlsVersion("TLSv1_3")])
        try await newest.expectRoundTrip(security)
        let older: [FaultProxy.Guard] = [.tls(certificate), .tlsVersion("TLSv1_2")]
        if minimum == .v1_2 {
            try await SecureCluster(older).expectRoundTrip(security)
        } else {
            let error = try await failure(older, security)
            #expect(error.code == .tls)
            #expect(error.message.contains("TLSOptions.minimumVersion"))
        }
        let ancient: [FaultProxy.Guard] = [.tls(certificate), .tlsVersion("TLSv1_1")]
        let error = try await failure(ancient, security)
        #expect(error.code == .tls)
        #expect(error.message.contains("TLSOptions.minimumVersion"))
        // Who insists on what is insecure gets it, so it is not the endpoint that can't.
        if minimum == .v1_2 {
            try await SecureCluster(ancient).expectRoundTrip(security) {
                $0.properties["ssl.cipher.suites"] = "ALL:@SECLEVEL=0"
            }
        }
    }

    // MARK: Client certificates

    @Test("A client certificate opens the door, as files and as texts, its key encrypted or not")
    func clientCertificate() async throws {
        let cluster = try await SecureCluster([
            .tls(certificates.broker()), .clientCertificate(of: certificates.authority),
        ])
        let client = try certificates.client()
        let encrypted = try certificates.encryptedKey(of: client, password: "open sesame")
        let ways = [
            ClientCertificate(certificate: .file(client.file), key: .file(client.keyFile)),
            ClientCertificate(certificate: .text(try client.pem), key: .text(try client.keyPEM)),
            ClientCertificate(certificate: .file(client.file), key: .file(encrypted), keyPassword: "open sesame"),
            ClientCertificate(
                certificate: .text(try client.pem),
                key: .text(try String(contentsOfFile: encrypted, encoding: .utf8)),
                keyPassword: "open sesame"
            ),
        ]
        for way in ways { try await cluster.expectRoundTrip(.tls(trusting { $0.clientCertificate = way })) }
    }

    @Test("A client certificate of an intermediate authority brings that one's along, from a file and from a text")
    func intermediate() async throws {
        let cluster = try await SecureCluster([
            .tls(certificates.broker()), .clientCertificate(of: certificates.authority),
        ])
        let intermediate = try certificates.intermediate()
        let client = try certificates.client(issuer: intermediate)
        let chain = try client.pem + intermediate.pem
        for certificate in [PEM.text(chain), .file(try certificates.file(chain))] {
            let way = ClientCertificate(certificate: certificate, key: .file(client.keyFile))
            try await cluster.expectRoundTrip(.tls(trusting { $0.clientCertificate = way }))
        }
    }

    @Test("A missing client certificate is an error that asks for one", arguments: ["TLSv1_2", "TLSv1_3"])
    func missingClientCertificate(version: String) async throws {
        let guards: [FaultProxy.Guard] = [
            .tls(try certificates.broker()), .clientCertificate(of: certificates.authority), .tlsVersion(version),
        ]
        let error = try await failure(guards, .tls(trusting()))
        #expect(error.code == .tls)
        #expect(error.message.contains("client certificate"))
        #expect(!error.isRetriable)
    }

    @Test("A client certificate of another authority is an error that says so")
    func wrongClientCertificate() async throws {
        let stranger = try certificates.client(issuer: certificates.stranger)
        let way = ClientCertificate(certificate: .file(stranger.file), key: .file(stranger.keyFile))
        let guards: [FaultProxy.Guard] = [
            .tls(try certificates.broker()), .clientCertificate(of: certificates.authority),
        ]
        let error = try await failure(guards, .tls(trusting { $0.clientCertificate = way }))
        #expect(error.code == .tls)
        #expect(error.message.contains("doesn't accept the client certificate"))
    }
}
