internal import CRdKafka
internal import Synchronization

/// Listens when OpenSSL verifies the brokers' certificates, for librdkafka's error only says that one "could not be verified".
///
/// It never changes a verdict: what OpenSSL refuses stays refused.
final class CertificateCheck: Sendable {
    private struct Verdict {
        let broker: String
        let reason: String
    }

    /// The last one of each broker.
    private let verdicts = Mutex<[Verdict]>([])

    /// Has the client of this configuration verify through this object, which has to live as long as the client does.
    func attach(to configuration: borrowing Configuration) {
        configuration.setCertificateCheck(Unmanaged.passUnretained(self).toOpaque()) {
            _,
            broker,
            _,
            code,
            depth,
            _,
            _,
            text,
            size,
            context in
            guard let code, code.pointee != 0 else { return 1 }
            let check = Unmanaged<CertificateCheck>.fromOpaque(context!).takeUnretainedValue()
            let reason = CertificateCheck.reason(Int(code.pointee), depth: Int(depth))
            check.note(reason, of: broker.map { String(cString: $0) } ?? "")
            // For librdkafka's log.
            if let text, size > 0 {
                let bytes = reason.utf8CString.prefix(size - 1)
                for (index, byte) in bytes.enumerated() { text[index] = byte }
                text[bytes.count] = 0
            }
            return 0
        }
    }

    /// Why a broker's certificate was refused, if it was: of the broker that a text of librdkafka's names.
    func reason(for text: String) -> String? {
        verdicts.withLock { verdicts in
            (verdicts.last { text.contains($0.broker) } ?? verdicts.last)?.reason
        }
    }

    private func note(_ reason: String, of broker: String) {
        verdicts.withLock { verdicts in
            verdicts.removeAll { $0.broker == broker }
            verdicts.append(Verdict(broker: broker, reason: reason))
        }
    }

    /// OpenSSL's numbers, as they are in `x509_vfy.h`; what the broker's certificate does wrong, and what to do.
    ///
    /// - Parameter depth: 0 for that certificate itself, more for those of the authorities above it.
    static func reason(_ code: Int, depth: Int) -> String {
        let unknown =
            "is of no authority that is trusted: set TLSOptions.certificateAuthorities to the one that signed it"
        return switch code {
        case 9 where depth > 0, 10 where depth > 0:
            "is of an authority whose own certificate \(code == 9 ? "isn't valid yet" : "has expired"): look at "
                + "TLSOptions.certificateAuthorities, and at the certificates that the broker sends along"
        case 3: "can't be checked for being revoked: there is no list of its authority in \"ssl.crl.location\""
        case 11: "can't be checked for being revoked: the list in \"ssl.crl.location\" isn't valid yet"
        case 12: "can't be checked for being revoked: the list in \"ssl.crl.location\" has ended"
        case 2, 18, 19, 20, 21, 24, 27: unknown
        case 9: "isn't valid yet: look at the broker's certificate, and at this machine's clock"
        case 10: "has expired: the broker needs a new one, or this machine's clock is wrong"
        case 23: "has been revoked"
        case 26: "isn't meant for servers"
        case 62, 64:
            "is for another host: reach the broker by a name that the certificate has, or give it one with this name; "
                + "TLSOptions.verifiesHostName can turn this check off"
        case 66, 67, 68: "has too short a key, or too weak a signature"
        default: "can't be verified (X.509 error \(code))"
        }
    }
}
