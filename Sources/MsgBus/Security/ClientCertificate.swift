/// Who this client is, for brokers that ask for a certificate (mutual TLS).
public struct ClientCertificate: Sendable, Hashable {
    /// The certificate, followed by those of intermediate authorities, if there are any.
    public var certificate: PEM

    /// The certificate's private key.
    public var key: PEM

    /// What the private key is encrypted with; nil for a key in the clear.
    public var keyPassword: Secret?

    /// Makes one. It is checked when connecting: that both can be read, and that the key is the certificate's.
    ///
    /// - Parameters:
    ///   - certificate: The certificate, followed by those of intermediate authorities.
    ///   - key: Its private key.
    ///   - keyPassword: What the key is encrypted with; nil, the default, for a key in the clear.
    public init(certificate: PEM, key: PEM, keyPassword: Secret? = nil) {
        self.certificate = certificate
        self.key = key
        self.keyPassword = keyPassword
    }
}
