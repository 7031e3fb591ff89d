import Testing

@testable import MsgBus

@Suite("librdkafka's words for failed connections")
struct ConnectionErrorTests {
    private func explained(
        _ code: MsgBusError.Code,
        _ text: String,
        certificate: String? = nil,
        mayWantLogin: Bool = false
    ) -> MsgBusError {
        MsgBusError(code, text).explained(certificate: certificate, mayWantLogin: mayWantLogin)
    }

    @Test(
        "What other brokers and versions say is understood too",
        arguments: [
            // Java's brokers when a client certificate is missing.
            (
                "ssl://b:1/1: Receive failed: error:0A000412:SSL routines::sslv3 alert bad certificate: SSL alert number 42 "
                    + "(after 3ms in state APIVERSION_QUERY)", MsgBusError.Code.tls, "or wants one"
            ),
            (
                "ssl://b:1/1: SSL handshake failed: error:0A00010B:SSL routines::wrong version number", .tls,
                "doesn't speak TLS"
            ),
            (
                "ssl://b:1/1: SSL handshake failed: Disconnected: connecting to a PLAINTEXT broker listener? (after 1ms)",
                .tls,
                "doesn't speak TLS"
            ),
            // So if the broker hangs up before the handshake's first step has been tried.
            ("ssl://b:1/1: Disconnected (after 0ms in state SSL_HANDSHAKE)", .tls, "is it a TLS port"),
            (
                "ssl://b:1/1: Disconnected: connection reset by peer (after 0ms in state SSL_HANDSHAKE)", .tls,
                "is it a TLS port"
            ),
            (
                "ssl://b:1/1: error:0A000126:SSL routines::unexpected eof while reading (after 0ms in state SSL_HANDSHAKE)",
                .tls, "is it a TLS port"
            ),
            ("ssl://b:1/1: Connection setup timed out in state SSL_HANDSHAKE", .tls, "isn't answered"),
            (
                "ssl://b:1/1: SSL handshake failed: error:0A00042E:SSL routines::tlsv1 alert protocol version", .tls,
                "no version"
            ),
            (
                "ssl://b:1/1: Receive failed: error:0A000415:SSL routines::sslv3 alert certificate expired", .tls,
                "has ended"
            ),
            (
                "b:1/1: Receive failed: Invalid response size 352518912 (0..100000000): increase it", .transport,
                "TLS port"
            ),
            ("ssl://b:1/1: Disconnected (after 120ms in state UP)", .transport, "Disconnected"),
            (
                "b:1/bootstrap: Disconnected: connection closed by peer (after 1ms in state APIVERSION_QUERY)",
                .transport, "TLS port"
            ),
            ("ssl://b:1/1: Disconnected: x (after 1ms in state APIVERSION_QUERY)", .transport, "Disconnected"),
        ]
    )
    func texts(text: String, code: MsgBusError.Code, expected: String) {
        let error = explained(.transport, text)
        #expect(error.code == code)
        #expect(error.message.contains(expected))
    }

    @Test(
        "A broker that hangs up when it is asked how to log in refuses nobody",
        arguments: ["Broker transport failure", "Timed out"]
    )
    func mechanisms(reason: String) {
        let text =
            "sasl_plaintext://b:1/1: SASL PLAIN mechanism handshake failed: Local: \(reason): broker's supported mechanisms: (n/a) "
            + "(after 3ms in state AUTH_HANDSHAKE)"
        let error = explained(.authentication, text)
        #expect(error.code == .transport)
        #expect(error.isRetriable && !error.isRefusal)
        #expect(error.message.contains("b:1: the broker hung up"))
    }

    @Test("A broker that hangs up is suspected to want a login only while connecting without one")
    func login() {
        let text = "b:1/1: Disconnected: verify that security.protocol is right (after 2ms in state UP)"
        #expect(explained(.transport, text).code == .transport)
        let error = explained(.transport, text, mayWantLogin: true)
        #expect(error.code == .authentication)
        #expect(error.isRetriable)
        #expect(error.message.hasPrefix("b:1: the broker hung up"))
    }

    @Test(
        "OpenSSL's verdict says what librdkafka doesn't",
        arguments: [3, 9, 10, 11, 12, 18, 19, 20, 21, 23, 26, 62, 64, 66, 999]
    )
    func verdicts(code: Int) {
        let text = "ssl://b:1/1: SSL handshake failed: error:0A000086:SSL routines::certificate verify failed: …"
        let reason = CertificateCheck.reason(code, depth: 0)
        let error = explained(.tls, text, certificate: reason)
        #expect(error.message == "b:1: the broker's certificate \(reason)")
        #expect(!error.isRetriable)
    }

    @Test("An authority that has expired is not taken for the broker's certificate", arguments: [9, 10])
    func expiredAuthority(code: Int) {
        let authority = CertificateCheck.reason(code, depth: 1)
        #expect(authority.hasPrefix("is of an authority whose own certificate"))
        #expect(authority.contains("TLSOptions.certificateAuthorities"))
        #expect(authority != CertificateCheck.reason(code, depth: 0))
    }
}
