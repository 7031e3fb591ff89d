extension Security {
    /// Adds what protects the connection, in librdkafka's words.
    func add(to properties: inout Properties) {
        switch kind {
        case .plaintext:
            break
        case .tls(let options):
            properties.set("security.protocol", "ssl")
            options.add(to: &properties)
        case .sasl(let login, let tls):
            properties.set("security.protocol", tls == nil ? "sasl_plaintext" : "sasl_ssl")
            tls?.add(to: &properties)
            login.add(to: &properties)
        }
    }
}

extension TLSOptions {
    fileprivate func add(to properties: inout Properties) {
        if let certificateAuthorities { properties.set(certificateAuthorities, "ssl.ca") }
        if let clientCertificate {
            properties.set(clientCertificate.certificate, "ssl.certificate")
            properties.set(clientCertificate.key, "ssl.key")
            if let password = clientCertificate.keyPassword { properties.set("ssl.key.password", password.reveal()) }
        }
        // Older versions of librdkafka have another default, as others may have again.
        properties.set("ssl.endpoint.identification.algorithm", verifiesHostName ? "https" : "none")
        properties.set("enable.ssl.certificate.verification", true)
        properties.set("ssl.cipher.suites", minimumVersion.cipherSuites)
    }
}

extension TLSVersion {
    /// OpenSSL's list of the suites that TLS 1.2 and older may use; 1.3 has its own, which are always offered.
    ///
    /// A version can only be agreed on with a suite that it has. The suites that OpenSSL calls `TLSv1.2` came with 1.2. A list with none at
    /// all is refused, so the one for 1.3 has a suite for which both sides need a shared key; as there is none, it isn't offered.
    package var cipherSuites: String {
        switch self {
        case .v1_2:
            "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20:TLSv1.2:!aNULL:!eNULL:!PSK:!SRP:!aDSS:!ARIA:!CAMELLIA"
        case .v1_3:
            "PSK-AES256-GCM-SHA384"
        }
    }
}

extension SASLLogin {
    fileprivate func add(to properties: inout Properties) {
        switch kind {
        case .password(let mechanism, let username, let password):
            properties.set("sasl.mechanisms", mechanism.rawValue)
            properties.set("sasl.username", username)
            properties.set("sasl.password", password.reveal())
        case .oauthBearer(let provider):
            properties.set("sasl.mechanisms", "OAUTHBEARER")
            properties.tokenProvider = provider
        case .gssapi(let serviceName, let principal, let keytab):
            properties.set("sasl.mechanisms", "GSSAPI")
            properties.set("sasl.kerberos.service.name", serviceName)
            if let principal { properties.set("sasl.kerberos.principal", principal) }
            if let keytab {
                properties.set("sasl.kerberos.keytab", keytab)
            } else {
                // The system's tickets are somebody else's to renew.
                properties.set("sasl.kerberos.kinit.cmd", "")
                properties.set("sasl.kerberos.min.time.before.relogin", 0)
            }
        }
    }
}

extension Properties {
    /// Sets one of the pairs of properties that take a path or a text.
    fileprivate mutating func set(_ pem: PEM, _ prefix: String) {
        switch pem.kind {
        case .file(let path): set("\(prefix).location", path)
        case .text(let text): set("\(prefix).pem", text.reveal())
        }
    }
}
