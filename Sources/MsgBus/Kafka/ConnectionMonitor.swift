internal import Synchronization

/// What a client's errors and answers say about its connection to the cluster.
///
/// librdkafka has no event for "connected": it reports what fails. So a report that all brokers are down makes the connection
/// suspect, and probes decide. Only theirs count: other answers may have been on their way since before the report, which is made
/// but once.
struct ConnectionState {
    private(set) var status: BusStatus = .open
    /// Why the brokers can't be reached, as far as the client has said: the cause that is of most use to a human.
    private(set) var cause: MsgBusError?
    /// Whether the cause is only what the log says.
    private var isHeard = false
    /// All brokers were reported down and none has answered since.
    private(set) var isSuspect = false
    /// The kind of refusal that was told last, and when; nil once a broker has answered a probe.
    private var told: (code: MsgBusError.Code, at: Moment)?

    /// - Returns: Whether the connection has just become suspect and should be probed.
    mutating func report(_ error: MsgBusError) -> Bool {
        if error.isFatal {
            if case .closed = status {} else { status = .failed(error) }
            return false
        }
        let isAllDown = error.kafkaName == "_ALL_BROKERS_DOWN"
        if !isAllDown, Self.weight(error) >= weight { (cause, isHeard) = (error, false) }
        guard isAllDown, !isSuspect else { return false }
        isSuspect = true
        return true
    }

    /// The log says why a connection failed, which an error may not do, or do better.
    mutating func hear(_ error: MsgBusError) {
        if isHeard || cause == nil, Self.weight(error) >= weight { (cause, isHeard) = (error, true) }
    }

    /// Whether nobody has been told of this error within a minute: each attempt to connect brings it again, and brokers that go on
    /// answering aren't probed.
    mutating func isNews(_ error: MsgBusError, at now: Moment = .now) -> Bool {
        if let told, told.code == error.code, now < told.at + .seconds(60) { return false }
        told = (error.code, now)
        return true
    }

    /// A broker answered.
    mutating func answered() {
        isSuspect = false
        cause = nil
        told = nil
        if case .disconnected = status { status = .open }
    }

    /// A probe of a suspect connection got no answer.
    mutating func probeFailed() {
        if isSuspect, case .open = status { status = .disconnected(since: .now) }
    }

    mutating func close() { status = .closed }

    private var weight: Int {
        guard let cause else { return 0 }
        let weight = Self.weight(cause)
        return isHeard && weight < 3 ? 0 : weight
    }

    /// A wrong password says more than the broken connection that follows it.
    private static func weight(_ error: MsgBusError) -> Int {
        switch error.code {
        case .authentication, .tls: 3
        case .transport: error.kafkaName == "_RESOLVE" ? 2 : 1
        default: 0
        }
    }
}

/// The connection state of one client, shared; its changes are told to who listens.
final class ConnectionMonitor: Sendable {
    private let state = Mutex(ConnectionState())
    private let events: EventHub

    init(_ events: EventHub) { self.events = events }

    var status: BusStatus { state.withLock { $0.status } }
    var cause: MsgBusError? { state.withLock { $0.cause } }
    var isSuspect: Bool { state.withLock { $0.isSuspect } }

    func report(_ error: MsgBusError) -> Bool { change { $0.report(error) } }

    func hear(_ error: MsgBusError) { change { $0.hear(error) } }

    func isNews(_ error: MsgBusError) -> Bool { change { $0.isNews(error) } }

    func answered() { change { $0.answered() } }

    func probeFailed() { change { $0.probeFailed() } }

    /// The connection is closed, or has failed for good.
    func close() { change { $0.close() } }

    private func change<Value: Sendable>(_ body: (inout ConnectionState) -> Value) -> Value {
        state.withLock { state in
            let before = state.status
            let value = body(&state)
            if state.status != before { events.post(.status(state.status)) }
            return value
        }
    }
}
