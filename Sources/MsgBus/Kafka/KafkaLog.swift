internal import CRdKafka
internal import Logging

/// librdkafka's log lines, on their way to swift-log.
enum KafkaLog {
    static func forward(_ event: OpaquePointer, to log: BusLog) {
        var facility: UnsafePointer<CChar>?
        var text: UnsafePointer<CChar>?
        var severity: Int32 = 0
        guard rd_kafka_event_log(event, &facility, &text, &severity) == 0, let text else { return }
        log(level(severity), "librdkafka: \(String(cString: text))")
    }

    /// Syslog's severities, one step quieter: librdkafka recovers from most of what it calls an error.
    private static func level(_ severity: Int32) -> Logger.Level {
        switch severity {
        case ...2: .error
        case 3: .warning
        case 4: .notice
        case 5: .info
        case 6: .debug
        default: .trace
        }
    }
}
