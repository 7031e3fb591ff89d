package import Foundation
import Synchronization

/// A certificate and its key, as files in the PEM format.
package struct Certificate: Sendable {
    package let file: String
    package let keyFile: String

    package var pem: String { get throws { try String(contentsOfFile: file, encoding: .utf8) } }
    package var keyPEM: String { get throws { try String(contentsOfFile: keyFile, encoding: .utf8) } }
}

/// Soon made.
private let newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]

/// Certificates for tests, made with `openssl` into a folder that goes with the last reference, or with the run.
package final class Certificates: Sendable {
    /// Whether there is `openssl`, or tests that need it have to be seen to fail.
    package static let isUsable = ProcessBroker.isRequired || hasOpenSSL

    package static let hint: String = "needs openssl"

    private static let hasOpenSSL = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        .contains { FileManager.default.isExecutableFile(atPath: "\($0)/openssl") }

    package let folder: URL
    /// Whom the tests' clients trust.
    package let authority: Certificate
    /// Another one, whom they don't.
    package let stranger: Certificate

    package init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "msgbus-certificates-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let folder = folder
        folders.withLock { $0.append(folder) }
        _ = registerEnding
        authority = try Self.makeAuthority(in: folder, "authority")
        stranger = try Self.makeAuthority(in: folder, "stranger")
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// A certificate for a broker.
    ///
    /// - Parameters:
    ///   - names: The hosts that it is for, as `openssl` writes them.
    ///   - days: How long it is valid; -1: it ended yesterday.
    ///   - issuer: Whose signature it has; nil: the authority that clients trust.
    package func broker(
        names: String = "DNS:localhost,IP:127.0.0.1",
        days: Int = 2,
        issuer: Certificate? = nil
    ) throws -> Certificate {
        try make("subjectAltName=\(names)\nextendedKeyUsage=serverAuth\n", days: days, issuer: issuer ?? authority)
    }

    /// A certificate for a client.
    package func client(issuer: Certificate? = nil) throws -> Certificate {
        try make("extendedKeyUsage=clientAuth\n", days: 2, issuer: issuer ?? authority)
    }

    /// An authority that another one vouches for.
    package func intermediate() throws -> Certificate {
        try make("basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign,cRLSign\n", days: 2, issuer: authority)
    }

    /// The same key, encrypted.
    package func encryptedKey(of certificate: Certificate, password: String) throws -> String {
        let file = path("encrypted.key")
        try Self.openssl(
            [
                "pkcs8", "-topk8", "-in", certificate.keyFile, "-out", file, "-v2", "aes256", "-passout",
                "pass:\(password)",
            ]
        )
        return file
    }

    /// A new file with this text.
    package func file(_ text: String) throws -> String {
        let file = path("text.pem")
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        return file
    }

    private func path(_ name: String) -> String { folder.appending(path: unique("c") + "-" + name).path }

    private func make(_ extensions: String, days: Int, issuer: Certificate) throws -> Certificate {
        let (key, request, file) = (path("key.pem"), path("request.pem"), path("certificate.pem"))
        try Self.openssl(
            ["req"] + newKey + ["-keyout", key, "-out", request, "-subj", "/CN=\(unique("test"))"]
        )
        try Self.openssl(
            [
                "x509", "-req", "-in", request, "-CA", issuer.file, "-CAkey", issuer.keyFile, "-set_serial",
                "\(UInt32.random(in: 1...UInt32.max))", "-days", "\(days)", "-extfile", try self.file(extensions),
                "-out", file,
            ]
        )
        return Certificate(file: file, keyFile: key)
    }

    private static func makeAuthority(in folder: URL, _ name: String) throws -> Certificate {
        let certificate = Certificate(
            file: folder.appending(path: "\(name).pem").path,
            keyFile: folder.appending(path: "\(name).key").path
        )
        try openssl(
            [
                "req", "-x509",
            ] + newKey + [
                "-keyout", certificate.keyFile, "-out",
                certificate.file,
                "-days", "2", "-subj", "/CN=MsgBus test \(name)",
            ]
        )
        return certificate
    }

    private static func openssl(_ arguments: [String]) throws {
        let process = try ChildProcess("/usr/bin/env", ["openssl"] + arguments)
        try process.input.close()
        let errors = process.errors.readDataToEndOfFile()
        guard process.wait() == 0 else { throw Failure(text: String(decoding: errors, as: UTF8.self)) }
    }

    private struct Failure: Error {
        let text: String
    }
}

private let folders = Mutex<[URL]>([])

private let registerEnding: Void = {
    atexit {
        for folder in folders.withLock({ $0 }) { try? FileManager.default.removeItem(at: folder) }
    }
}()
