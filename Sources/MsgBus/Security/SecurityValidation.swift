extension Security {
    /// Checks what needs neither a file nor librdkafka to be checked.
    func validate(_ properties: [String: String]) throws(MsgBusError) {
        if let tls {
            for (name, pem) in tls.parts {
                switch pem.kind {
                case .file(let path):
                    try Self.check(path, "the path of \(name)")
                case .text(let text):
                    try Self.check(text.reveal(), "the text of \(name)", isSecret: true)
                }
            }
            if let password = tls.clientCertificate?.keyPassword {
                try Self.check(password.reveal(), "ClientCertificate.keyPassword", isSecret: true)
            }
            guard tls.minimumVersion == .v1_2 || properties["ssl.cipher.suites"] == nil else {
                throw Self.wrong(
                    "TLSOptions.minimumVersion .v1_3 is kept by what \"ssl.cipher.suites\" says, so that property can't be set beside it"
                )
            }
        }
        if let chosen = properties["security.protocol"] {
            let name = chosen.lowercased()
            let lost =
                tls != nil && !name.hasSuffix("ssl")
                ? "the TLS" : login != nil && !name.hasPrefix("sasl") ? "the login" : nil
            if let lost {
                throw Self.wrong(
                    "the property \"security.protocol\" is \"\(chosen)\", which turns off \(lost) that MsgBusConfig.security asks for: "
                        + "set one of them"
                )
            }
        }
        switch login?.kind {
        case .password(_, let username, let password):
            try Self.check(username, "the login's user name")
            try Self.check(password.reveal(), "the login's password", isSecret: true)
        case .gssapi(let serviceName, let principal, let keytab):
            try Self.check(serviceName, "the login's service name")
            // librdkafka puts both into a shell's command.
            if let principal { try Self.checkWord(principal, "the login's principal") }
            if let keytab { try Self.checkWord(keytab, "the login's keytab") }
            guard keytab == nil || principal != nil else {
                throw Self.wrong("a login with a keytab needs the principal to take out of it")
            }
        case .oauthBearer, nil:
            break
        }
    }

    private static func check(_ text: String, _ what: String, isSecret: Bool = false) throws(MsgBusError) {
        guard !text.isEmpty else { throw wrong("\(what) is empty") }
        guard !text.utf8.contains(0) else { throw wrong("\(what)\(isSecret ? "" : " \"\(text)\"") has a NUL in it") }
    }

    private static func checkWord(_ text: String, _ what: String) throws(MsgBusError) {
        try check(text, what)
        let isPlain = text.unicodeScalars.allSatisfy {
            $0.properties.isAlphabetic || "0123456789/.@_-+:=,".unicodeScalars.contains($0)
        }
        guard isPlain, !text.hasPrefix("-") else {
            throw wrong("\(what) \"\(text)\" has a character that a shell takes for something else")
        }
    }

    private static func wrong(_ message: String) -> MsgBusError { MsgBusError(.configuration, message) }
}

extension TLSOptions {
    fileprivate var parts: [(name: String, pem: PEM)] {
        var parts: [(String, PEM)] = []
        if let certificateAuthorities { parts.append(("TLSOptions.certificateAuthorities", certificateAuthorities)) }
        if let clientCertificate {
            parts.append(("ClientCertificate.certificate", clientCertificate.certificate))
            parts.append(("ClientCertificate.key", clientCertificate.key))
        }
        return parts
    }
}
