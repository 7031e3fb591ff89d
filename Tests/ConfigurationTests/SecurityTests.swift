import Foundation
import MsgBus
import MsgBusConfiguration
import Testing

@Suite("Settings of security")
struct SecurityTests {
    @Test("Each login, with TLS and without")
    func logins() throws {
        let password = Secret("hunter2")
        func login(_ mechanism: String, _ rest: String = "") throws -> Security {
            try configured("sasl: {mechanism: \(mechanism), username: me, password: hunter2}\n\(rest)").security
        }
        #expect(try login("plain") == .sasl(.plain(username: "me", password: password)))
        #expect(
            try login("PLAIN", "tls: {enabled: yes}")
                == .sasl(.plain(username: "me", password: password), tls: TLSOptions())
        )
        #expect(try login("SCRAM-SHA-256") == .sasl(.scramSHA256(username: "me", password: password)))
        var options = TLSOptions(certificateAuthorities: .text("-----BEGIN CERTIFICATE-----"))
        options.verifiesHostName = false
        options.minimumVersion = .v1_3
        let tls = "tls: {ca_pem: \"-----BEGIN CERTIFICATE-----\", verify_host_name: false, minimum_version: 1.3}"
        #expect(
            try login("scram_sha_512", tls) == .sasl(.scramSHA512(username: "me", password: password), tls: options)
        )
    }

    @Test("A password in a file, without the line feed at its end")
    func passwordFile() throws {
        try Folder.with { folder in
            let path = try folder.file("password", "hunter2\n")
            let config = try configured("sasl: {mechanism: plain, username: me, password_file: \(path)}")
            #expect(config.security == .sasl(.plain(username: "me", password: "hunter2")))
            let setting = try config.effectiveSettings().first { $0.name == "sasl.password_file" }
            #expect(setting?.value == path)
            let missing = refusal(of: "sasl: {mechanism: plain, username: me, password_file: \(path)x}")
            #expect(missing == "bus.yaml:1:40: sasl.password_file can't be \"\(path)x\": there is no such file")
        }
    }

    @Test(
        "A password in a pipe, which can be read only once, as the shell's <(…) makes it",
        arguments: ["", "no.such: 1"]
    )
    func pipe(properties: String) throws {
        let pipe = Pipe()
        try pipe.fileHandleForWriting.write(contentsOf: Data("hunter2\n".utf8))
        try pipe.fileHandleForWriting.close()
        let path = "/dev/fd/\(pipe.fileHandleForReading.fileDescriptor)"
        let text = "sasl: {mechanism: plain, username: me, password_file: \(path)}\nproperties: {\(properties)}"
        guard properties.isEmpty else {
            #expect(refusal(of: text).hasPrefix("bus.yaml:2:14: properties.no.such: librdkafka"))
            return
        }
        let config = try configured(text)
        #expect(config.security == .sasl(.plain(username: "me", password: "hunter2")))
        let setting = try config.effectiveSettings().first { $0.name == "sasl.password_file" }
        #expect(setting?.value == path)
    }

    @Test("Trusting everyone has to be said")
    func trusting() throws {
        let config = try configured("tls: {skip_verify: true}")
        let properties = try config.effectiveProperties()
        #expect(properties.first { $0.name == "enable.ssl.certificate.verification" }?.value == "false")
        #expect(properties.first { $0.name == "ssl.endpoint.identification.algorithm" }?.value == "none")
    }

    @Test(
        "What doesn't fit together",
        arguments: [
            ("tls: {cert_file: c.pem}", "bus.yaml:1:7: tls.cert_file: a client certificate needs its key"),
            ("tls: {key_pem: k}", "bus.yaml:1:7: tls.key_pem: a key needs its client certificate"),
            ("tls: {key_password: hunter2}", "bus.yaml:1:7: tls.key_password: there is no key"),
            (
                "tls: {ca_file: /no/such/ca.pem}",
                "bus.yaml:1:7: tls.ca_file: the certificate authorities' file \"/no/such/ca.pem\" can't be read"
            ),
            (
                "tls: {ca_pem: hunter2}",
                "bus.yaml:1:7: tls.ca_pem: the text with the certificate authorities has no certificate"
            ),
            ("sasl: {username: me}", "bus.yaml:1:8: sasl.username: sasl.mechanism has to be set too"),
            ("sasl: {mechanism: plain}", "bus.yaml:1:8: sasl.mechanism: it needs sasl.username"),
            ("sasl: {mechanism: plain, username: me}", "bus.yaml:1:8: sasl.mechanism: it needs sasl.password"),
            (
                "sasl: {password: hunter2, password_file: x}",
                "bus.yaml:1:8: sasl.password and sasl.password_file are two ways"
            ),
            ("sasl: {kerberos_keytab: k}", "bus.yaml:1:8: sasl.kerberos_keytab: sasl.mechanism has to be set too"),
            ("sasl: {kerberos_service: k}", "bus.yaml:1:8: sasl.kerberos_service: sasl.mechanism has to be set too"),
            ("sasl: {kerberos_principal: k}", "bus.yaml:1:8: sasl.kerberos_principal: sasl.mechanism has to be set"),
            (
                "sasl: {mechanism: plain, username: me, password: hunter2, kerberos_service: k}",
                "bus.yaml:1:59: sasl.kerberos_service: sasl.mechanism is plain, which takes no notice of it"
            ),
            (
                "sasl: {mechanism: gssapi, username: me}",
                "bus.yaml:1:27: sasl.username: sasl.mechanism is gssapi, which takes no notice of it"
            ),
            (
                "sasl: {mechanism: gssapi, password: hunter2}",
                "bus.yaml:1:27: sasl.password: sasl.mechanism is gssapi, which takes no notice of it"
            ),
            ("tls: {minimum_version: 1.1}", "bus.yaml:1:7: tls.minimum_version can't be \"1.1\": there are 1.2, 1.3"),
        ]
    )
    func mistakes(text: String, expected: String) {
        expectRefusal(of: text, expected)
    }

    @Test("What another source says for another login doesn't matter")
    func otherLogin() throws {
        let environment = ConfigurationSource.environment([
            "MSGBUS_SASL_MECHANISM": "plain", "MSGBUS_SASL_USERNAME": "me", "MSGBUS_SASL_PASSWORD": "hunter2",
        ])
        let config = try configured("sasl: {mechanism: gssapi, kerberos_service: k}", [environment])
        #expect(config.security == .sasl(.plain(username: "me", password: "hunter2")))
    }

    @Test("No secret is in what is in force")
    func redaction() throws {
        let config = try MsgBusConfig(
            topic: "orders",
            direction: .reader,
            from: .environment([
                "MSGBUS_SASL_PASSWORD": "hunter2", "MSGBUS_PROPERTIES_SSL_KEYSTORE_PASSWORD": "hunter2",
            ]),
            .text("sasl: {mechanism: plain, username: me}\nproperties: {ssl.ca.pem: hunter2}", name: "bus.yaml")
        )
        let settings = try config.effectiveSettings() + config.effectiveProperties()
        #expect(!settings.contains { "\($0)".contains("hunter2") })
        #expect(!"\(config.origins)".contains("hunter2"))
        func find(_ name: String) -> Setting? { settings.first { $0.name == name } }
        #expect(find("sasl.password")?.value == "***")
        #expect(find("sasl.password")?.source == .place("MSGBUS_SASL_PASSWORD"))
        #expect(find("sasl.username")?.value == "me")
        #expect(find("sasl.username")?.source == .place("bus.yaml:1:26"))
        #expect(find("ssl.ca.pem") == Setting(name: "ssl.ca.pem", value: "***", source: .place("bus.yaml:2:14")))
    }
}
