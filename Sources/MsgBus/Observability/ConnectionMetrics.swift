internal import CoreMetrics
internal import Synchronization

/// What is counted of every connection: errors, reconnects, rebalances.
final class ConnectionMetrics: Sendable {
    private struct State {
        var wasDisconnected = false
        var counters: [String: Counter] = [:]
    }

    let factory: any MetricsFactory
    let dimensions: [(String, String)]
    private let state = Mutex(State())

    init(_ factory: any MetricsFactory, _ config: MsgBusConfig) {
        self.factory = factory
        var dimensions = [("topic", config.topic)]
        if config.direction == .reader, let group = config.groupID { dimensions.append(("group", group)) }
        self.dimensions = dimensions
    }

    func counter(_ name: String, _ more: (String, String)...) -> Counter {
        Counter(label: "msgbus.\(name)", dimensions: dimensions + more, factory: factory)
    }

    func timer(_ name: String) -> Timer { Timer(label: "msgbus.\(name)", dimensions: dimensions, factory: factory) }

    func level(_ name: String) -> Level {
        Level(Meter(label: "msgbus.\(name)", dimensions: dimensions, factory: factory))
    }

    /// Something that a connection says of itself.
    func happened(_ event: BusEvent) {
        switch event {
        case .status(.disconnected):
            state.withLock { $0.wasDisconnected = true }
        case .status(.open):
            let isBack = state.withLock { state in
                defer { state.wasDisconnected = false }
                return state.wasDisconnected
            }
            if isBack { count("connection.reconnects") }
        case .assigned:
            count("reader.rebalances", kind: "assigned")
        case .revoked:
            count("reader.rebalances", kind: "revoked")
        case .lost:
            count("reader.rebalances", kind: "lost")
        // Why it failed was counted when librdkafka reported it.
        case .status(.failed), .status(.closed), .caughtUp, .stalled, .error:
            break
        }
    }

    /// What librdkafka reports, most of which heals by itself.
    func failed(_ error: MsgBusError) { count("connection.errors", code: error.code) }

    func count(_ name: String, code: MsgBusError.Code) { count(name, ("code", code.description)) }

    private func count(_ name: String, kind: String) { count(name, ("kind", kind)) }

    /// Counts one. Made when it is first needed: there are many codes.
    private func count(_ name: String, _ more: (String, String)...) {
        let key = name + more.map { "\n\($0.1)" }.joined()
        let counter = state.withLock { state in
            if let counter = state.counters[key] { return counter }
            let counter = Counter(label: "msgbus.\(name)", dimensions: dimensions + more, factory: factory)
            state.counters[key] = counter
            return counter
        }
        counter.increment()
    }
}

/// A quantity of which several connections of one topic have their share: what a meter of that name shows is the sum.
final class Level: Sendable {
    private let meter: Meter
    private let share = Mutex(0)

    init(_ meter: Meter) { self.meter = meter }

    func set(_ value: Int) {
        let change = share.withLock { share in
            defer { share = value }
            return value - share
        }
        if change > 0 { meter.increment(by: Double(change)) }
        if change < 0 { meter.decrement(by: Double(-change)) }
    }
}
