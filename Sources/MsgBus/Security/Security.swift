/// How a connection is protected.
///
/// An open set; whatever has no typed form can be set through ``MsgBusConfig/properties``, for example `ssl.crl.location`.
public struct Security: Sendable, Hashable {
    enum Kind: Sendable, Hashable {
        case plaintext
        case tls(TLSOptions)
        case sasl(SASLLogin, tls: TLSOptions?)
    }

    let kind: Kind

    /// Nothing is encrypted and nobody is asked who they are.
    public static let plaintext = Security(kind: .plaintext)

    /// Encrypted, and the broker's certificate is verified, its host name included.
    ///
    /// - Parameter options: Whom to trust, who we are, and how. Default: the system's authorities.
    public static func tls(_ options: TLSOptions = TLSOptions()) -> Security {
        Security(kind: .tls(options))
    }

    /// Encrypted, and the broker's certificate is verified, its host name included.
    ///
    /// - Parameter caFile: The path of a PEM file with the certificate authorities to trust; nil for the system's.
    public static func tls(caFile: String?) -> Security {
        .tls(TLSOptions(certificateAuthorities: caFile.map(PEM.file)))
    }

    /// With a login (SASL), encrypted or not.
    ///
    /// Without TLS everyone on the network can read what is sent: all messages, with ``SASLLogin/plain(username:password:)`` the password,
    /// with ``SASLLogin/oauthBearer(_:)`` the token. That is logged as a warning.
    ///
    /// - Parameters:
    ///   - login: How to say who we are.
    ///   - tls: How to encrypt. Default: nil, not at all.
    public static func sasl(_ login: SASLLogin, tls: TLSOptions? = nil) -> Security {
        Security(kind: .sasl(login, tls: tls))
    }

    var tls: TLSOptions? {
        switch kind {
        case .plaintext: nil
        case .tls(let options): options
        case .sasl(_, let tls): tls
        }
    }

    var login: SASLLogin? {
        if case .sasl(let login, _) = kind { login } else { nil }
    }

    /// Whether whoever answers is taken for the broker; only a property can say so.
    func trustsEverybody(_ properties: [String: String]) -> Bool {
        let isEncrypted = properties["security.protocol"].map { $0.lowercased().hasSuffix("ssl") } ?? (tls != nil)
        return isEncrypted
            && ["false", "f", "0"].contains(properties["enable.ssl.certificate.verification"]?.lowercased())
    }

    /// Whether the login can be read, and used, by whoever sees the connection's bytes; properties have the last word.
    func showsCredentials(_ properties: [String: String]) -> Bool {
        let mechanism =
            switch login?.kind {
            case .password(let mechanism, _, _): mechanism.rawValue
            case .oauthBearer: "OAUTHBEARER"
            case .gssapi, nil: "GSSAPI"
            }
        let names = (properties["sasl.mechanism"], properties["sasl.mechanisms"])
        let isBare =
            properties["security.protocol"].map { $0.lowercased() == "sasl_plaintext" } ?? (tls == nil && login != nil)
        return isBare && ["PLAIN", "OAUTHBEARER"].contains((names.0 ?? names.1 ?? mechanism).uppercased())
    }
}
