import Foundation
import TestSupport
import Testing

@testable import MsgBus

@Suite(
    "Certificates and keys are looked at before anything is sent",
    .enabled(if: Certificates.isUsable, "\(Certificates.hint)"),
    .timeLimit(.minutes(5))
)
struct CredentialTests {
    private static let certificates = Result { try Certificates() }
    private let certificates = try! CredentialTests.certificates.get()

    private func failure(_ security: Security, _ properties: [String: String] = [:]) async throws -> MsgBusError {
        var config = MsgBusConfig(topic: "t", direction: .writer)
        config.port = try ClosedPort.number()
        config.security = security
        config.properties = properties
        config.connectRetries = 1
        let final = config
        return try #require(await #expect(throws: MsgBusError.self) { try await KafkaWriter.connect(final) })
    }

    private func failure(
        certificate: PEM,
        key: PEM,
        password: Secret? = nil
    ) async throws -> MsgBusError {
        var options = TLSOptions()
        options.clientCertificate = ClientCertificate(certificate: certificate, key: key, keyPassword: password)
        return try await failure(.tls(options))
    }

    @Test("A file with authorities that isn't there is named, however it was set")
    func missingAuthorities() async throws {
        let path = "/no/such/ca.pem"
        let typed = try await failure(.tls(caFile: path))
        let named = try await failure(.plaintext, ["security.protocol": "ssl", "ssl.ca.location": path])
        for error in [typed, named] {
            #expect(error.code == .configuration)
            #expect(
                error.message
                    == "the certificate authorities' file \"\(path)\" can't be read: No such file or directory"
            )
            #expect(!error.isRetriable)
        }
    }

    @Test("Authorities that are none are refused, as a file and as a text")
    func noAuthorities() async throws {
        let file = try certificates.file("hello")
        let error = try await failure(.tls(caFile: file))
        #expect(error.message == "the certificate authorities' file \"\(file)\" has no certificate in the PEM format")
        let text = try await failure(.tls(TLSOptions(certificateAuthorities: .text("s3cr3t"))))
        #expect(text.code == .configuration)
        #expect(text.message == "the text with the certificate authorities has no certificate in the PEM format")
    }

    @Test("A damaged certificate is refused, as a file and as a text")
    func damaged() async throws {
        let pem = "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n"
        let file = try certificates.file(pem)
        for authorities in [PEM.file(file), .text(pem)] {
            let error = try await failure(.tls(TLSOptions(certificateAuthorities: authorities)))
            #expect(error.code == .configuration)
            #expect(error.message.contains("a certificate is damaged"))
        }
        let client = try certificates.client()
        for certificate in [PEM.file(file), .text(pem)] {
            let error = try await failure(certificate: certificate, key: .file(client.keyFile))
            #expect(error.code == .configuration)
            #expect(error.message.contains("the client certificate") && error.message.contains("it is damaged"))
        }
    }

    @Test("A folder with authorities is fine, and a folder for a key isn't")
    func folders() async throws {
        let folder = certificates.folder.path
        #expect(try await failure(.tls(caFile: folder)).code == .transport)
        let error = try await failure(certificate: .file(try certificates.client().file), key: .file(folder))
        #expect(error.code == .configuration)
        #expect(error.message == "the client certificate's key's file \"\(folder)\" is a folder")
    }

    @Test("A client certificate or key that is missing, or isn't one, is named")
    func missing() async throws {
        let client = try certificates.client()
        let cases: [(PEM, PEM, String)] = [
            (.file("/no/cert.pem"), .file(client.keyFile), "client certificate's file \"/no/cert.pem\" can't be read"),
            (.file(client.file), .file("/no/key.pem"), "key's file \"/no/key.pem\" can't be read"),
            (.file(client.keyFile), .file(client.keyFile), "\"\(client.keyFile)\" has no certificate"),
            (.file(client.file), .file(client.file), "\"\(client.file)\" has no private key"),
            (.text("s3cr3t"), .text(try client.keyPEM), "the text of the client certificate has no certificate"),
            (.text(try client.pem), .text("s3cr3t"), "the text of the client certificate's key has no private key"),
            (.file(""), .file(client.keyFile), "the path of ClientCertificate.certificate is empty"),
        ]
        for (certificate, key, expected) in cases {
            let error = try await failure(certificate: certificate, key: key)
            #expect(error.code == .configuration)
            #expect(error.message.contains(expected))
            #expect(!error.description.contains("s3cr3t"))
        }
    }

    @Test("A key of another certificate is refused")
    func foreignKey() async throws {
        let (one, other) = (try certificates.client(), try certificates.client())
        let files = try await failure(certificate: .file(one.file), key: .file(other.keyFile))
        #expect(files.code == .configuration)
        #expect(
            files.message.contains("key \"\(other.keyFile)\" doesn't belong to the client certificate \"\(one.file)\"")
        )
        let texts = try await failure(certificate: .text(try one.pem), key: .text(try other.keyPEM))
        #expect(texts.code == .configuration)
        #expect(texts.message.contains("key doesn't belong to the client certificate"))
    }

    @Test("A wrong password, and a missing one, for a key are told apart and not shown")
    func passwords() async throws {
        let client = try certificates.client()
        let key = try certificates.encryptedKey(of: client, password: "s3cr3t-right")
        let text = try String(contentsOfFile: key, encoding: .utf8)
        for (key, name) in [(PEM.file(key), "\"\(key)\""), (.text(text), "key")] {
            let wrong = try await failure(certificate: .file(client.file), key: key, password: "s3cr3t-wrong")
            #expect(wrong.code == .configuration)
            #expect(wrong.message.contains(name) && wrong.message.contains("ClientCertificate.keyPassword, is wrong"))
            #expect(!wrong.description.contains("s3cr3t"))
            let missing = try await failure(certificate: .file(client.file), key: key)
            #expect(missing.code == .configuration)
            #expect(
                missing.message.contains(name)
                    && missing.message.contains("is encrypted: set ClientCertificate.keyPassword")
            )
        }
    }

    @Test("By librdkafka's names too, a certificate without its key is refused")
    func half() async throws {
        let client = try certificates.client()
        let error = try await failure(.tls(), ["ssl.certificate.location": client.file])
        #expect(error.code == .configuration)
        #expect(error.message.contains("there is only one of them"))
        let store = try await failure(.tls(), ["ssl.keystore.location": "/no/store.p12"])
        #expect(store.message.contains("\"/no/store.p12\" can't be read"))
    }

    @Test("By librdkafka's names too, a login needs a name and a password")
    func login() async throws {
        let error = try await failure(
            .plaintext,
            ["security.protocol": "sasl_plaintext", "sasl.mechanism": "PLAIN", "sasl.username": "alice"]
        )
        #expect(error.code == .configuration)
        #expect(error.message.contains("needs a user name and a password"))
    }

    @Test("A minimum version that couldn't be kept is refused")
    func version() async throws {
        var options = TLSOptions()
        options.minimumVersion = .v1_3
        let error = try await failure(.tls(options), ["ssl.cipher.suites": "ALL"])
        #expect(error.code == .configuration)
        #expect(error.message.contains("minimumVersion"))
    }

    @Test("A login by Kerberos is tried where librdkafka can, and is an error that says so where it can't")
    func kerberos() async throws {
        let error = try await failure(.sasl(.gssapi()))
        // Nobody listens, so a librdkafka that can do it doesn't get as far as a login.
        #expect(error.code == .transport || error.code == .unsupported)
        if error.code == .unsupported { #expect(error.message.contains("GSSAPI")) }
        let keytab = try await failure(.sasl(.gssapi(principal: "me/host@REALM", keytab: "/no/keytab")))
        #expect(keytab.code == .configuration || keytab.code == .unsupported)
        if keytab.code == .configuration { #expect(keytab.message.contains("\"/no/keytab\" can't be read")) }
    }
}
