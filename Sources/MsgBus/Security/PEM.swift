/// Certificates or a key in the PEM format, `-----BEGIN CERTIFICATE-----` and so on: in a file, or as a text.
///
/// A description names the file, and never shows the text.
public struct PEM: Sendable, Hashable {
    enum Kind: Sendable, Hashable {
        case file(String)
        case text(Secret)
    }

    let kind: Kind

    /// The file with this path. It is read for each attempt to connect, and not while connected.
    ///
    /// - Parameter path: Absolute, or relative to the working directory; a leading `~` is not understood.
    public static func file(_ path: String) -> PEM { PEM(kind: .file(path)) }

    /// The text itself, for example out of a secret store.
    public static func text(_ pem: String) -> PEM { PEM(kind: .text(Secret(pem))) }
}

extension PEM: CustomStringConvertible {
    /// The path in quotes, or `***` for a text.
    public var description: String {
        switch kind {
        case .file(let path): "\"\(path)\""
        case .text: Secret.mask
        }
    }
}
