/// What a token provider returns: see ``SASLLogin/oauthBearer(_:)``.
public struct OAuthToken: Sendable, Hashable {
    /// What the broker gets, for example a JSON web token.
    public var token: Secret

    /// Who the token is for, as the broker is told.
    public var principal: String

    /// When the token ends. The provider is asked for the next one after four fifths of the time until then.
    public var expires: MessageTimestamp

    /// Further things to tell the broker (RFC 7628): names of letters, and values of printable characters.
    public var extensions: [String: String]

    /// Makes a token.
    ///
    /// - Parameters:
    ///   - token: What the broker gets.
    ///   - principal: Who it is for.
    ///   - expires: When it ends; a time that has passed fails the login.
    ///   - extensions: Further things to tell the broker. Default: none.
    public init(token: Secret, principal: String, expires: MessageTimestamp, extensions: [String: String] = [:]) {
        self.token = token
        self.principal = principal
        self.expires = expires
        self.extensions = extensions
    }

    /// Makes a token of which it is known how long it lasts: OAuth's `expires_in`.
    ///
    /// - Parameters:
    ///   - token: What the broker gets.
    ///   - principal: Who it is for.
    ///   - lifetime: How long it lasts from now on.
    ///   - extensions: Further things to tell the broker. Default: none.
    public init(token: Secret, principal: String, lifetime: Duration, extensions: [String: String] = [:]) {
        let century: Int64 = 100 * 365 * 86_400
        let (seconds, attoseconds) = max(.zero, min(lifetime, .seconds(century))).components
        let end = WallClock.milliseconds + seconds * 1000 + attoseconds / 1_000_000_000_000_000
        self.init(
            token: token,
            principal: principal,
            expires: MessageTimestamp(millisecondsSince1970: end),
            extensions: extensions
        )
    }
}

extension OAuthToken {
    /// What librdkafka would refuse, and show while doing so.
    func validate() throws(MsgBusError) {
        func wrong(_ what: String) -> MsgBusError { MsgBusError(.configuration, what, isRetriable: true) }
        guard !token.isEmpty, Self.isPrintable(token.reveal()) else {
            throw wrong("its token is empty, or has other than printable ASCII characters")
        }
        guard !principal.utf8.contains(0) else { throw wrong("its principal has a NUL in it") }
        guard expires.millisecondsSince1970 > WallClock.milliseconds else {
            throw wrong("its token has expired already")
        }
        for (name, value) in extensions {
            let isLegal = !name.isEmpty && name != "auth" && name.utf8.allSatisfy { ($0 | 0x20).isLetter }
            guard isLegal else { throw wrong("the extension \"\(name)\" has another name than letters, or \"auth\"") }
            guard Self.isPrintable(value) else {
                throw wrong("the extension \"\(name)\" has other than printable ASCII characters")
            }
        }
    }

    /// RFC 7628 §3.1.
    private static func isPrintable(_ text: String) -> Bool {
        text.utf8.allSatisfy { (0x20...0x7e).contains($0) || [0x09, 0x0a, 0x0d].contains($0) }
    }
}

extension UInt8 {
    fileprivate var isLetter: Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self) }
}
