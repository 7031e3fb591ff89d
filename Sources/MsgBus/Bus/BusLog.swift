public import Logging
private import Synchronization

private let busLogger = Mutex<Logger?>(nil)
private let defaultLogger = Logger(label: "msgbus")

/// Sets the logger that all connections of this process use from now on, those that are open included.
///
/// By default it is `Logger(label: "msgbus")`. librdkafka's own lines are forwarded one step quieter than it means them,
/// for it heals most errors by itself; whatever concerns the caller is thrown, not only logged.
///
/// - Parameter logger: The logger, or nil to restore the default.
public func setLogger(_ logger: Logger?) {
    busLogger.withLock { $0 = logger }
}

/// Logs for one connection, always to the logger set last.
struct BusLog: Sendable {
    let metadata: Logger.Metadata

    init(topic: String, direction: BusDirection, groupID: String?) {
        var metadata: Logger.Metadata = ["topic": "\(topic)", "direction": "\(direction)"]
        if let groupID { metadata["group"] = "\(groupID)" }
        self.metadata = metadata
    }

    private init(metadata: Logger.Metadata) { self.metadata = metadata }

    /// For connections that are about no topic.
    static let administration = BusLog(metadata: ["direction": "administration"])

    func callAsFunction(_ level: Logger.Level, _ message: @autoclosure () -> String) {
        let logger = busLogger.withLock { $0 } ?? defaultLogger
        logger.log(level: level, "\(message())", metadata: metadata)
    }

    func debug(_ message: @autoclosure () -> String) { self(.debug, message()) }
    func info(_ message: @autoclosure () -> String) { self(.info, message()) }
    func warning(_ message: @autoclosure () -> String) { self(.warning, message()) }
    func error(_ message: @autoclosure () -> String) { self(.error, message()) }
}
