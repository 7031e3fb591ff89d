/// How a connection is encrypted, and whom it trusts.
///
/// ```swift
/// var options = TLSOptions()
/// options.certificateAuthorities = .file("/etc/kafka/ca.pem")
/// options.clientCertificate = ClientCertificate(certificate: .file("me.pem"), key: .file("me.key"))
/// config.security = .tls(options)
/// ```
///
/// The broker's certificate is verified, unless the property `enable.ssl.certificate.verification` turns that off, which is logged as a
/// warning. What is wrong with a file or a text is a `.configuration` error, before anything is sent.
public struct TLSOptions: Sendable, Hashable {
    /// The authorities whose certificates are trusted; a file may be a folder too, with names made by `openssl rehash`.
    ///
    /// Default: nil, the system's.
    public var certificateAuthorities: PEM?

    /// What to show to a broker that asks who this is. Default: nil, nothing.
    public var clientCertificate: ClientCertificate?

    /// Whether the broker's certificate has to be for the host name, or the address, that it is reached by. Default: true.
    ///
    /// Without that check, whoever has any certificate of a trusted authority can pose as the broker.
    public var verifiesHostName = true

    /// The oldest version of TLS to agree on. Default: 1.2.
    ///
    /// librdkafka has no setting for it, so it is kept by what is offered: for 1.2 only cipher suites that 1.0 and 1.1 don't have, for 1.3
    /// only its own. Whoever sets the property `ssl.cipher.suites` replaces that, and is refused beside ``TLSVersion/v1_3``.
    public var minimumVersion: TLSVersion = .v1_2

    /// The defaults: TLS 1.2 or newer, the system's authorities, the host name verified, no client certificate.
    public init() {}

    /// The defaults with other authorities.
    ///
    /// - Parameter certificateAuthorities: Whose certificates are trusted; nil for the system's.
    public init(certificateAuthorities: PEM?) {
        self.certificateAuthorities = certificateAuthorities
    }
}

/// A version of TLS. Older ones are broken, and not offered.
public enum TLSVersion: Sendable, Hashable, CaseIterable {
    /// TLS 1.2.
    case v1_2
    /// TLS 1.3.
    case v1_3
}
