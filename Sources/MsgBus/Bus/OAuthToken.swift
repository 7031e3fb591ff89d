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
