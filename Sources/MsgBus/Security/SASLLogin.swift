/// How a client says who it is: an open set.
///
/// ```swift
/// config.security = .sasl(.scramSHA512(username: "billing", password: Secret(password)), tls: TLSOptions())
/// ```
///
/// Two that log in with a token provider are only equal if one is a copy of the other.
public struct SASLLogin: Sendable, Hashable {
    enum Kind: Sendable, Hashable {
        case password(Mechanism, username: String, password: Secret)
        case oauthBearer(OAuthProvider)
        case gssapi(serviceName: String, principal: String?, keytab: String?)
    }

    /// Those with a user name and a password, by the names that brokers know.
    enum Mechanism: String, Sendable {
        case plain = "PLAIN"
        case scramSHA256 = "SCRAM-SHA-256"
        case scramSHA512 = "SCRAM-SHA-512"
    }

    let kind: Kind

    /// User name and password, sent as they are: only with TLS are they hidden from the network.
    public static func plain(username: String, password: Secret) -> SASLLogin {
        SASLLogin(kind: .password(.plain, username: username, password: password))
    }

    /// User name and password by SCRAM-SHA-256: the password isn't sent, and the broker has to prove that it knows it too.
    public static func scramSHA256(username: String, password: Secret) -> SASLLogin {
        SASLLogin(kind: .password(.scramSHA256, username: username, password: password))
    }

    /// User name and password by SCRAM-SHA-512: the password isn't sent, and the broker has to prove that it knows it too.
    public static func scramSHA512(username: String, password: Secret) -> SASLLogin {
        SASLLogin(kind: .password(.scramSHA512, username: username, password: password))
    }

    /// A token, OAUTHBEARER. Without TLS, everyone on the network can read it.
    ///
    /// The provider runs in a task when connecting, for the next token once four fifths of the last one's time are over, and when a broker
    /// refuses the one there is. When it throws, `connect` asks it again until the time is over, or gives up at once for a ``MsgBusError``
    /// that isn't retriable; later a failure is a ``BusEvent/error(_:)``, and the provider is asked again ten seconds after. Its error is part
    /// of ours and so of logs: it should not contain a secret. Closing cancels the task and doesn't wait for it. A provider that hasn't
    /// returned after a minute is cancelled, and that is its failure.
    ///
    /// - Parameter provider: Fetches a token.
    public static func oauthBearer(_ provider: @escaping @Sendable () async throws -> OAuthToken) -> SASLLogin {
        SASLLogin(kind: .oauthBearer(OAuthProvider(provider)))
    }

    /// Kerberos, GSSAPI, where librdkafka was built with it; else connecting is an `.unsupported` error.
    ///
    /// - Parameters:
    ///   - serviceName: The brokers' service, the part before the host in their principals. Default: `kafka`.
    ///   - principal: Who this client is; nil, the default, for whoever the system's ticket is for.
    ///   - keytab: The path of a keytab file, with which librdkafka runs `kinit` for the principal, now and then again; nil, the default,
    ///     to use the tickets that the system has.
    public static func gssapi(
        serviceName: String = "kafka",
        principal: String? = nil,
        keytab: String? = nil
    ) -> SASLLogin {
        SASLLogin(kind: .gssapi(serviceName: serviceName, principal: principal, keytab: keytab))
    }
}

/// A token provider, which is equal only to itself.
final class OAuthProvider: Sendable, Hashable {
    let fetch: @Sendable () async throws -> OAuthToken

    init(_ fetch: @escaping @Sendable () async throws -> OAuthToken) { self.fetch = fetch }

    static func == (left: OAuthProvider, right: OAuthProvider) -> Bool { left === right }

    func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}
