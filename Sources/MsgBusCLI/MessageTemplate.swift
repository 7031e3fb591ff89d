import MsgBus

/// What makes messages of lines: all that `msgbus write` gives each of them.
struct MessageTemplate {
    var key: [UInt8]?
    var keyDelimiter: [UInt8]?
    var headers = Headers()
    var partition: Int?

    /// The message for a line; one without the delimiter is all value.
    func message(_ line: [UInt8]) -> OutgoingMessage {
        guard let keyDelimiter, let found = line.firstRange(of: keyDelimiter) else {
            return OutgoingMessage(value: line, key: key, headers: headers, partition: partition)
        }
        return OutgoingMessage(
            value: Array(line[found.upperBound...]),
            key: Array(line[..<found.lowerBound]),
            headers: headers,
            partition: partition
        )
    }
}
