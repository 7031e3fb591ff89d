internal import MsgBus

/// What the keys about security say, each by itself; together they make a `Security`.
struct Protection: Sendable {
    /// Whether TLS is wanted. Nil: if anything else says something about it.
    var isEncrypted: Bool?
    var authorities: PEM?
    var certificate: PEM?
    var key: PEM?
    var keyPassword: Secret?
    var verifiesHostName: Bool?
    var skipsVerification: Bool?
    var minimumVersion: TLSVersion?
    var mechanism: Mechanism?
    var username: String?
    var password: Secret?
    var kerberosService: String?
    var kerberosPrincipal: String?
    var kerberosKeytab: String?

    /// Those that need nothing but settings.
    enum Mechanism: String, Sendable {
        case plain
        case scramSHA256 = "scram_sha_256"
        case scramSHA512 = "scram_sha_512"
        case gssapi
    }

    /// Makes what they say; nil if they say nothing.
    func security() throws(Complaint) -> Security? {
        let tls = try tls()
        guard let login = try login() else {
            guard let tls else { return isEncrypted == false ? .plaintext : nil }
            return .tls(tls)
        }
        return .sasl(login, tls: tls)
    }

    /// What they say of TLS; nil for none.
    func tls() throws(Complaint) -> TLSOptions? {
        let mentions: [Any?] = [
            authorities, certificate, key, keyPassword, verifiesHostName, skipsVerification, minimumVersion,
        ]
        guard isEncrypted ?? mentions.contains(where: { $0 != nil }) else { return nil }
        var options = TLSOptions()
        options.certificateAuthorities = authorities
        options.verifiesHostName = (verifiesHostName ?? true) && skipsVerification != true
        if let minimumVersion { options.minimumVersion = minimumVersion }
        switch (certificate, key) {
        case (let certificate?, let key?):
            options.clientCertificate = ClientCertificate(certificate: certificate, key: key, keyPassword: keyPassword)
        case (_?, nil):
            throw Complaint("a client certificate needs its key: set tls.key_file too", key: "tls.cert_file")
        case (nil, _?):
            throw Complaint("a key needs its client certificate: set tls.cert_file too", key: "tls.key_file")
        case (nil, nil):
            if keyPassword != nil {
                throw Complaint("there is no key that it is for: set tls.key_file too", key: "tls.key_password")
            }
        }
        return options
    }

    private func login() throws(Complaint) -> SASLLogin? {
        guard let mechanism else {
            let missing = "sasl.mechanism has to be set too, to plain, scram_sha_256, scram_sha_512 or gssapi"
            if username != nil { throw Complaint(missing, key: "sasl.username") }
            if password != nil { throw Complaint(missing, key: "sasl.password") }
            if kerberosService != nil { throw Complaint(missing, key: "sasl.kerberos_service") }
            if kerberosPrincipal != nil { throw Complaint(missing, key: "sasl.kerberos_principal") }
            if kerberosKeytab != nil { throw Complaint(missing, key: "sasl.kerberos_keytab") }
            return nil
        }
        if mechanism == .gssapi {
            return .gssapi(
                serviceName: kerberosService ?? "kafka",
                principal: kerberosPrincipal,
                keytab: kerberosKeytab
            )
        }
        guard let username else { throw Complaint("it needs sasl.username", key: "sasl.mechanism") }
        guard let password else {
            throw Complaint("it needs sasl.password or sasl.password_file", key: "sasl.mechanism")
        }
        return switch mechanism {
        case .scramSHA256: .scramSHA256(username: username, password: password)
        case .scramSHA512: .scramSHA512(username: username, password: password)
        case .plain, .gssapi: .plain(username: username, password: password)
        }
    }
}
