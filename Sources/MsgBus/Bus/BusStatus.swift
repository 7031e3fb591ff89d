/// How a connection is right now.
public enum BusStatus: Sendable, Hashable {
    /// Connected, as far as anyone knows.
    case open
    /// No broker answers since then. Nothing needs to be done: writes wait for their deadline, reads wait,
    /// and the status goes back to ``open`` by itself. Unless the brokers refuse this client, or it them: then an ``BusEvent/error(_:)``
    /// with `.authentication` or `.tls` says why, and it goes back when that is put right.
    case disconnected(since: ContinuousClock.Instant)
    /// Broken for good: close it and connect anew.
    case failed(MsgBusError)
    /// Closed, or being closed.
    case closed
}

extension BusStatus: CustomStringConvertible {
    /// The case's name first, then what is known.
    public var description: String {
        switch self {
        case .open: "open"
        case .disconnected(let since): "disconnected for \(since.duration(to: .now))"
        case .failed(let error): "failed: \(error)"
        case .closed: "closed"
        }
    }
}
