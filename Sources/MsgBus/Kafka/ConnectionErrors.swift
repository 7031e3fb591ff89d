internal import CRdKafka

extension MsgBusError {
    /// The brokers refuse this client, or it them: not something that waiting alone changes.
    var isRefusal: Bool { code == .authentication || code == .tls && !isRetriable }

    /// For a login by token that was set by properties alone.
    static let noTokenProvider = MsgBusError(
        .authentication,
        "there is no token provider: set MsgBusConfig.security to .sasl(.oauthBearer(…))"
    )

    /// The error in words that name the cause, as far as librdkafka's text and what else is known of the client tell it.
    func explained(_ client: KafkaClient) -> MsgBusError {
        guard [.tls, .authentication, .transport, .invalidRecord].contains(code) else { return self }
        if message.contains("Failed to acquire SASL OAUTHBEARER token") {
            guard let failure = client.tokens?.failure else {
                return client.tokens == nil ? .noTokenProvider : self
            }
            var error = self
            error.message = failure.message
            error.isRetriable = failure.isRetriable
            return error
        }
        return explained(
            certificate: client.certificates.reason(for: message),
            mayWantLogin: !client.hasLogin && !client.hasEverConnected
        )
    }

    /// The same, by the text alone.
    ///
    /// - Parameters:
    ///   - reason: What is wrong with the broker's certificate, if it was refused.
    ///   - mayWantLogin: Whether a broker that hangs up may do so since nobody logs in.
    func explained(certificate reason: String?, mayWantLogin: Bool) -> MsgBusError {
        var error = self
        func say(_ code: Code, _ text: String, isRetriable: Bool, isAll: Bool = false) {
            error.code = code
            let source = isAll ? "" : " (librdkafka: \(Self.text(in: message)))"
            error.message = "\(Self.broker(in: message))\(text)\(source)"
            error.isRetriable = isRetriable
        }
        func says(_ texts: String...) -> Bool { texts.contains { message.contains($0) } }

        if says("certificate verify failed") {
            let what = reason ?? "can't be verified: look at TLSOptions.certificateAuthorities"
            say(.tls, "the broker's certificate \(what)", isRetriable: false, isAll: reason != nil)
        } else if says("wrong version number", "packet length too long", "http request", "PLAINTEXT broker listener") {
            say(
                .tls,
                "the broker doesn't speak TLS at this port: use its TLS port, or MsgBusConfig.security without TLS",
                // A broker that is just starting hangs up as well.
                isRetriable: says("PLAINTEXT broker listener")
            )
        } else if says("alert certificate required") {
            say(.tls, "the broker wants a client certificate: set TLSOptions.clientCertificate", isRetriable: false)
        } else if says("alert bad certificate", "alert unknown ca", "alert unsupported certificate") {
            say(
                .tls,
                "the broker doesn't accept the client certificate, or wants one: look at TLSOptions.clientCertificate",
                isRetriable: false
            )
        } else if says("alert certificate expired", "alert certificate revoked") {
            say(.tls, "the broker doesn't accept the client certificate any more: it has ended", isRetriable: false)
        } else if says(
            "alert protocol version",
            "unsupported protocol",
            "alert handshake failure",
            "no protocols available"
        ) {
            say(
                .tls,
                "the broker and this client have no version or cipher suite of TLS in common, or the broker wants a client "
                    + "certificate: look at TLSOptions.minimumVersion and .clientCertificate",
                isRetriable: false
            )
        } else if says("SSL handshake failed", "in state SSL_HANDSHAKE"),
            says("unexpected eof", "Disconnected", "Connection reset")
        {
            say(
                .tls,
                "the broker hung up during the TLS handshake: is it a TLS port, and does it want a client certificate?",
                isRetriable: true
            )
        } else if says("timed out in state SSL_HANDSHAKE") {
            say(.tls, "the TLS handshake isn't answered: is it a TLS port?", isRetriable: true)
        } else if says("Invalid response size 352518")
            || says("Disconnected") && says("in state APIVERSION_QUERY") && !says("ssl://")
        {
            // The size is how an alert of TLS begins, 0x1503 and a version.
            say(
                .transport,
                "the broker hung up on the first request: if it is a TLS port, set MsgBusConfig.security to .tls",
                isRetriable: true
            )
        } else if mayWantLogin, says("Receive failed", "Disconnected"), says("in state UP") {
            say(
                .authentication,
                "the broker hung up on the first request: it seems to want a login, see Security.sasl",
                isRetriable: true
            )
        } else if says("mechanism handshake failed: Local:") {
            say(
                .transport,
                "the broker hung up, or said nothing, when it was asked how one can log in",
                isRetriable: true
            )
        } else if says("mechanism handshake failed") {
            say(.authentication, "the broker doesn't offer this way to log in", isRetriable: false)
        } else if code == .authentication {
            say(.authentication, "the broker doesn't accept the login", isRetriable: false)
        }
        return error
    }

    /// librdkafka begins with the broker's name, for example `ssl://localhost:9093/bootstrap: `.
    private static func broker(in text: String) -> String {
        guard let end = endOfName(text), let slash = text[..<end.lowerBound].lastIndex(of: "/") else { return "" }
        return "\(text[..<slash].split(separator: "/").last ?? ""): "
    }

    private static func text(in text: String) -> String {
        endOfName(text).map { String(text[$0.upperBound...]) } ?? text
    }

    private static func endOfName(_ text: String) -> Range<String.Index>? {
        guard let end = text.firstRange(of: ": ") else { return nil }
        let name = text[..<end.lowerBound]
        return name.contains("/") && !name.contains(" ") ? end : nil
    }
}
