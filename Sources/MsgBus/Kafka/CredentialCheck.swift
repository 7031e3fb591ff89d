/// Looks at what protects a connection before it is made: what librdkafka says of a missing file is nothing that helps.
///
/// It looks at the settings in force, so also at those that were made by librdkafka's names.
struct CredentialCheck: ~Copyable {
    private let configuration: Configuration

    init(_ configuration: consuming Configuration) { self.configuration = configuration }

    /// Gives the configuration back, if nothing is wrong with it.
    consuming func checked() throws(MsgBusError) -> Configuration {
        let security = value("security.protocol") ?? "plaintext"
        if security.hasSuffix("ssl") { try checkTLS() }
        if security.hasPrefix("sasl") { try checkLogin() }
        return configuration
    }

    private borrowing func value(_ name: String) -> String? {
        configuration.value(of: name).flatMap { $0.isEmpty ? nil : $0 }
    }

    // MARK: TLS

    private borrowing func checkTLS() throws(MsgBusError) {
        try require("ssl", for: "TLS")
        if let path = value("ssl.ca.location"), path != "probe" {
            try checkFile(path, "the certificate authorities' file", isCertificate, "certificate", mayBeFolder: true)
        }
        if let text = value("ssl.ca.pem"), !isCertificate(text) {
            throw Self.wrong("the text with the certificate authorities has no certificate in the PEM format")
        }
        let certificate = try checkPair("ssl.certificate", "client certificate", isCertificate, "certificate")
        let key = try checkPair("ssl.key", "client certificate's key", isKey, "private key")
        if let key, isEncrypted(key), value("ssl.key.password") == nil {
            let file = value("ssl.key.location").map { " \"\($0)\"" } ?? ""
            throw Self.wrong("the client certificate's key\(file) is encrypted: set ClientCertificate.keyPassword")
        }
        if (certificate == nil) != (key == nil), value("ssl.keystore.location") == nil {
            throw Self.wrong("a client certificate needs its key, and a key its certificate; there is only one of them")
        }
        for name in ["ssl.keystore.location", "ssl.crl.location"] {
            if let path = value(name) { try checkFile(path, "the file of \"\(name)\"", { _ in true }, "") }
        }
    }

    /// Checks one of the pairs of properties that take a path or a text, and returns the text.
    private borrowing func checkPair(
        _ prefix: String,
        _ what: String,
        _ isRight: (String) -> Bool,
        _ content: String
    ) throws(MsgBusError) -> String? {
        if let text = value("\(prefix).pem") {
            guard isRight(text) else { throw Self.wrong("the text of the \(what) has no \(content) in the PEM format") }
            return text
        }
        guard let path = value("\(prefix).location") else { return nil }
        return try checkFile(path, "the \(what)'s file", isRight, content)
    }

    @discardableResult
    private borrowing func checkFile(
        _ path: String,
        _ what: String,
        _ isRight: (String) -> Bool,
        _ content: String,
        mayBeFolder: Bool = false
    ) throws(MsgBusError) -> String {
        switch FileText.read(path) {
        case .text(let text):
            guard isRight(text) else { throw Self.wrong("\(what) \"\(path)\" has no \(content) in the PEM format") }
            return text
        case .folder where mayBeFolder:
            return ""
        case .folder:
            throw Self.wrong("\(what) \"\(path)\" is a folder")
        case .unreadable(let reason):
            throw Self.wrong("\(what) \"\(path)\" can't be read: \(reason)")
        }
    }

    private static func wrong(_ message: String) -> MsgBusError { MsgBusError(.configuration, message) }

    // MARK: Logins

    private borrowing func checkLogin() throws(MsgBusError) {
        let mechanism = value("sasl.mechanisms") ?? ""
        let feature =
            switch mechanism {
            case "GSSAPI": "sasl_gssapi"
            case "PLAIN": "sasl_plain"
            case "SCRAM-SHA-256", "SCRAM-SHA-512": "sasl_scram"
            case "OAUTHBEARER": "sasl_oauthbearer"
            default: "sasl"
            }
        try require(feature, for: "a login by \(mechanism)")
        if mechanism == "GSSAPI", let path = value("sasl.kerberos.keytab") {
            try checkFile(path, "the login's keytab", { _ in true }, "")
        }
        if ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"].contains(mechanism) {
            guard value("sasl.username") != nil, value("sasl.password") != nil else {
                throw Self.wrong(
                    "a login by \(mechanism) needs a user name and a password, and one of them is missing or empty"
                )
            }
        }
    }

    private borrowing func require(_ feature: String, for what: String) throws(MsgBusError) {
        let features = (value("builtin.features") ?? "").split { $0 == "," || $0 == " " }
        guard features.contains(Substring(feature)) else {
            throw MsgBusError(
                .unsupported,
                "librdkafka \(LibraryVersion.text) was built without \(feature), which is needed for \(what): install one that has it"
            )
        }
    }
}

private func isCertificate(_ text: String) -> Bool { text.contains("CERTIFICATE-----") && text.contains("-----BEGIN ") }

private func isKey(_ text: String) -> Bool { text.contains("PRIVATE KEY-----") && text.contains("-----BEGIN ") }

private func isEncrypted(_ key: String) -> Bool {
    key.contains("BEGIN ENCRYPTED PRIVATE KEY") || key.contains("Proc-Type: 4,ENCRYPTED")
}

extension MsgBusError {
    /// What librdkafka says when it loads certificates and keys, in words that name what is wrong.
    ///
    /// - Parameter value: The setting in force with a name.
    func explainedAsCredential(_ value: (String) -> String?) -> MsgBusError {
        func file(_ name: String) -> String { value(name).flatMap { $0.isEmpty ? nil : " \"\($0)\"" } ?? "" }
        func says(_ texts: String...) -> Bool { texts.contains { message.contains($0) } }
        func wrong(_ text: String) -> MsgBusError {
            MsgBusError(.configuration, "\(text) (\(message))")
        }
        let key = "the client certificate's key\(file("ssl.key.location"))"
        let certificate = "the client certificate\(file("ssl.certificate.location"))"
        if says("key values mismatch", "key type mismatch", "Private key check failed") {
            return wrong("\(key) doesn't belong to \(certificate)")
        }
        if says("ssl.key.location failed", "ssl.key.pem failed") {
            if let password = value("ssl.key.password"), !password.isEmpty {
                return wrong(
                    "\(key) can't be read: the password, ClientCertificate.keyPassword, is wrong, or the key is damaged"
                )
            }
            return wrong("\(key) can't be read: it is damaged")
        }
        if says("ssl.certificate.location failed", "ssl.certificate.pem failed") {
            return wrong("\(certificate) can't be read: it is damaged")
        }
        if says("ssl.ca.location failed", "ssl.ca.pem") {
            return wrong(
                "the certificate authorities\(file("ssl.ca.location")) can't be read: a certificate is damaged"
            )
        }
        if says("No provider for SASL mechanism") {
            let mechanism = value("sasl.mechanisms") ?? ""
            return MsgBusError(
                .unsupported,
                "librdkafka \(LibraryVersion.text) was built without a login by \(mechanism): install one that has it (\(message))"
            )
        }
        if says("ssl.cipher.suites failed") {
            return wrong("the TLS library has none of the cipher suites that are asked for")
        }
        return self
    }
}
