public import Logging

/// A swift-log handler that keeps what is logged.
public struct LogRecorder: LogHandler {
    public let lines = Collected<String>()
    public var metadata: Logger.Metadata = [:]
    public var logLevel = Logger.Level.trace

    public init() {}

    public var logger: Logger {
        let recorder = self
        return Logger(label: "test") { _ in recorder }
    }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) { lines.append("\(event.level): \(event.message)") }
}
