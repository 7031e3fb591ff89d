internal import CRdKafka
internal import Logging

/// librdkafka's log lines, on their way to swift-log.
enum KafkaLog {
    /// Forwards a line.
    ///
    /// - Returns: Why a connection failed, when that is what the line says. Newer versions say some of it only here.
    static func forward(_ event: OpaquePointer, to log: BusLog) -> MsgBusError? {
        var facility: UnsafePointer<CChar>?
        var text: UnsafePointer<CChar>?
        var severity: Int32 = 0
        guard rd_kafka_event_log(event, &facility, &text, &severity) == 0, let text else { return nil }
        let line = String(cString: text)
        log(level(severity), "librdkafka: \(line)")
        guard let facility, String(cString: facility) == "FAIL" else { return nil }
        // A thread's name in brackets comes first.
        let reason = line.firstRange(of: "]: ").map { String(line[$0.upperBound...]) } ?? line
        return MsgBusError(kafka: RD_KAFKA_RESP_ERR__TRANSPORT, reason: reason)
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
