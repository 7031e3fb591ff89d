import MsgBus

/// What makes messages of lines: all that `msgbus write` gives each of them.
struct MessageTemplate {
    var key: [UInt8]?
    var keyDelimiter: [UInt8]?
    var headers = Headers()
    var partition: Int?
    /// Whether an empty key or value is none.
    var hasNulls = false
    /// Whether lines are what `msgbus read --json` prints.
    var isJSON = false

    /// The message for a line; one without the delimiter is all value.
    ///
    /// - Parameters:
    ///   - line: The line.
    ///   - number: Which one it is, counted from 1, for errors.
    /// - Throws: If it isn't the JSON that it has to be.
    func message(_ line: [UInt8], number: Int) throws(CommandFailure) -> OutgoingMessage {
        guard !isJSON else { return message(try MessageLine(line, number: number)) }
        guard let keyDelimiter, let found = line.firstRange(of: keyDelimiter) else {
            return OutgoingMessage(value: filled(line), key: key, headers: headers, partition: partition)
        }
        return OutgoingMessage(
            value: filled(Array(line[found.upperBound...])),
            key: filled(Array(line[..<found.lowerBound])),
            headers: headers,
            partition: partition
        )
    }

    private func filled(_ bytes: [UInt8]) -> [UInt8]? { hasNulls && bytes.isEmpty ? nil : bytes }

    /// What a line says of itself comes before what is said for all; headers are all of them. But its partition is that of the topic
    /// from which it was read.
    private func message(_ line: MessageLine) -> OutgoingMessage {
        OutgoingMessage(
            value: line.value,
            key: line.key ?? key,
            headers: line.headers + headers,
            partition: partition ?? line.partition,
            timestamp: line.timestamp
        )
    }
}
