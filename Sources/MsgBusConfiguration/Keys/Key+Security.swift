internal import MsgBus

extension Key {
    /// What makes a `Security`.
    static let security: [Key] = [
        .protection(
            "tls.enabled",
            \.isEncrypted,
            .flag,
            "Whether connections are encrypted; so they are if another key of `tls` is set."
        )
        .shown(by: "security.protocol") { $0.hasSuffix("ssl") ? "true" : "false" }.usually("false"),
        .protection(
            "tls.ca_file",
            \.authorities,
            .pemFile,
            "A PEM file with the authorities to trust, instead of the system's."
        )
        .instead(of: "tls.ca_pem").shown(by: "ssl.ca.location"),
        .protection("tls.ca_pem", \.authorities, .pemText, "The same as text.").instead(of: "tls.ca_file").secret,
        .protection("tls.cert_file", \.certificate, .pemFile, "A PEM file with the client's certificate.")
            .instead(of: "tls.cert_pem").shown(by: "ssl.certificate.location"),
        .protection("tls.cert_pem", \.certificate, .pemText, "The same as text.").instead(of: "tls.cert_file").secret,
        .protection("tls.key_file", \.key, .pemFile, "A PEM file with the certificate's key.")
            .instead(of: "tls.key_pem").shown(by: "ssl.key.location"),
        .protection("tls.key_pem", \.key, .pemText, "The same as text.").instead(of: "tls.key_file").secret,
        .protection("tls.key_password", \.keyPassword, .secret, "What the key is encrypted with.")
            .instead(of: "tls.key_password_file").secret,
        .protection("tls.key_password_file", \.keyPassword, .secretFile, "A file with what the key is encrypted with.")
            .instead(of: "tls.key_password").read,
        .protection(
            "tls.verify_host_name",
            \.verifiesHostName,
            .flag,
            "Whether the broker's certificate has to be for its host name."
        )
        .shown(by: "ssl.endpoint.identification.algorithm") { $0 == "https" ? "true" : "false" }.usually("true"),
        skipVerification,
        .protection(
            "tls.minimum_version",
            \.minimumVersion,
            .choice(["1.2": .v1_2, "1.3": .v1_3]),
            "The oldest version of TLS to agree on."
        )
        .shown(by: "ssl.cipher.suites") { suites in
            TLSVersion.allCases.first { $0.cipherSuites == suites }.map { $0 == .v1_3 ? "1.3" : "1.2" }
        }
        .usually("1.2"),
        .protection(
            "sasl.mechanism",
            \.mechanism,
            mechanism,
            "How to log in. Logging in with tokens needs code that fetches them."
        ).shown(by: "sasl.mechanisms") { $0.lowercased().replacing("-", with: "_") },
        .protection("sasl.username", \.username, .text, "The user's name.").shown(by: "sasl.username"),
        .protection(
            "sasl.password",
            \.password,
            .secret,
            "The password; better in a file or the environment than in a file of settings."
        )
        .instead(of: "sasl.password_file").secret,
        .protection("sasl.password_file", \.password, .secretFile, "A file with the password.").instead(
            of: "sasl.password"
        ).read,
        .protection("sasl.kerberos_service", \.kerberosService, .text, "For gssapi: the brokers' service.").usually(
            "kafka"
        ),
        .protection("sasl.kerberos_principal", \.kerberosPrincipal, .text, "For gssapi: who this client is."),
        .protection("sasl.kerberos_keytab", \.kerberosKeytab, .text, "For gssapi: the path of a keytab file."),
    ]

    /// cn-infra has it, and for a first try it is useful.
    private static let skipVerification: Key = {
        let key = protection(
            "tls.skip_verify",
            \.skipsVerification,
            .flag,
            "Trust whoever answers, without any check of the certificate. For trying things out only."
        ).shown(by: "enable.ssl.certificate.verification") { $0 == "false" ? "true" : "false" }.usually("false")
        return key.applying { draft, tree, name throws(Complaint) in
            try key.apply(&draft, tree, name)
            let property = "enable.ssl.certificate.verification"
            draft.config.properties[property] = draft.protection.skipsVerification == true ? "false" : nil
        }
    }()

    private static let mechanism: Codec<Protection.Mechanism> = {
        let words = Codec<Protection.Mechanism>.choice([
            "plain": .plain, "scram_sha_256": .scramSHA256, "scram_sha_512": .scramSHA512, "gssapi": .gssapi,
        ])
        return Codec(
            type: words.type,
            parse: { text throws(Complaint) in
                guard text.lowercased() != "oauthbearer" else {
                    throw Complaint(
                        "a login with tokens needs code that fetches them: set MsgBusConfig.security to .sasl(.oauthBearer { … })"
                    )
                }
                return try words.parse(text)
            },
            format: words.format
        )
    }()

    private static func protection<Value>(
        _ name: String,
        _ path: any WritableKeyPath<Protection, Value?> & Sendable,
        _ codec: Codec<Value>,
        _ about: String
    ) -> Key {
        Key(name, codec, about) {
            $0.protection[keyPath: path] = $1
        } value: { _ in
            nil
        }
    }

    private var secret: Key { changed { $0.isSecret = true } }
    private var read: Key { changed { $0.isFileOfSecret = true } }
    private func instead(of other: String) -> Key { changed { $0.displaces = [other] } }

    private func shown(
        by property: String,
        _ value: @escaping @Sendable (String) -> String? = { $0.isEmpty ? nil : $0 }
    ) -> Key {
        changed { $0.property = (property, value) }
    }

    private func applying(_ apply: @escaping @Sendable (inout Draft, Tree, String) throws(Complaint) -> Void) -> Key {
        Key(
            name: name,
            type: type,
            about: about,
            property: property,
            usual: usual,
            canonical: canonical,
            apply: apply,
            values: values
        )
    }
}

extension Codec<PEM> {
    fileprivate static let pemFile = Codec(
        type: "a path",
        parse: { text throws(Complaint) in .file(try Codec<String>.text.parse(text)) },
        format: \.description,
        isShownAsWritten: true
    )

    fileprivate static let pemText = Codec(
        type: "a text in the PEM format",
        parse: { text throws(Complaint) in .text(try Codec<String>.text.parse(text)) },
        format: \.description
    )
}

extension Codec<Secret> {
    fileprivate static let secret = Codec(
        type: "a text",
        parse: { text throws(Complaint) in Secret(try Codec<String>.text.parse(text)) },
        format: \.description
    )

    /// Its value is a path, and what is taken is what stands in the file.
    fileprivate static let secretFile = Codec(
        type: "a path",
        parse: secret.parse,
        format: \.description,
        isShownAsWritten: true
    )
}
