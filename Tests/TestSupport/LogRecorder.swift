package import Logging

/// A swift-log handler that keeps what is logged.
package struct LogRecorder: LogHandler {
    package let lines = Collected<String>()
    package var metadata: Logger.Metadata = [:]
    package var logLevel = Logger.Level.trace

    package init() {}

    package var logger: Logger {
        let recorder = self
        return Logger(label: "test") { _ in recorder }
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) { lines.append("\(event.level): \(event.message)") }
}
