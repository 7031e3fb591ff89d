/// A password, a key, a token: it prints `***` wherever something prints it.
///
/// ```swift
/// let password: Secret = "from the vault"
/// print(password)  // ***
/// ```
///
/// That holds for `print`, interpolation, `debugPrint`, `dump`, errors and logs, also when it is part of something larger.
public struct Secret: Sendable, Hashable, ExpressibleByStringLiteral {
    private let text: String

    /// Keeps a text secret.
    public init(_ text: String) { self.text = text }

    /// Keeps a literal secret; for tests, as a literal stands in the source.
    public init(stringLiteral text: String) { self.text = text }

    /// The text itself. There is no other way to it.
    public func reveal() -> String { text }

    var isEmpty: Bool { text.isEmpty }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// `***`, whatever the text is.
    public var description: String { Self.mask }

    /// `***`, whatever the text is.
    public var debugDescription: String { Self.mask }

    /// Nothing to look into.
    public var customMirror: Mirror { Mirror(self, children: []) }

    static let mask = "***"

    /// Whether a property of librdkafka's, by its name, has a secret for a value.
    static func isName(ofSecret property: String) -> Bool {
        let name = property.lowercased()
        let parts = ["password", "passphrase", "secret", "pem", "jaas", "credential", "kinit", "oauthbearer.config"]
        return parts.contains { name.contains($0) } || (name.contains("token") && !name.contains("endpoint"))
    }
}
