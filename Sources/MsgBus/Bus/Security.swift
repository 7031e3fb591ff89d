/// How a connection is protected.
///
/// An open set; whatever has no typed form yet can be set through ``MsgBusConfig/properties``, for example
/// `security.protocol`, `sasl.username` and `ssl.ca.location`.
public struct Security: Sendable, Hashable {
    enum Kind: Sendable, Hashable {
        case plaintext
        case tls(caFile: String?)
    }

    let kind: Kind

    /// Nothing is encrypted and nobody is asked who they are.
    public static let plaintext = Security(kind: .plaintext)

    /// Encrypted, and the broker's certificate is verified, its host name included.
    ///
    /// - Parameter caFile: The path of a PEM file with the certificate authorities to trust; nil for the system's.
    public static func tls(caFile: String? = nil) -> Security {
        Security(kind: .tls(caFile: caFile))
    }
}
