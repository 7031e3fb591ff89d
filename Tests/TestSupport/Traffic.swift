package import MsgBus

/// Numbered messages from a writer to a reader, in the middle of which something happens.
package struct Traffic {
    private let writer: KafkaWriter
    private let reader: KafkaReader

    /// - Parameter reader: Reads the writer's topic, which has one partition, from a place before the first message.
    package init(from writer: KafkaWriter, to reader: KafkaReader) {
        self.writer = writer
        self.reader = reader
    }

    /// Writes numbers from 0, ten at a time and each ten after the ten before were acknowledged, and reads them meanwhile.
    ///
    /// - Parameters:
    ///   - count: How many.
    ///   - faults: What happens, evenly spread over the time it takes. Closures of this very type: an array of others that Swift
    ///     6.3.1 converts crashes.
    /// - Returns: What was read, in order.
    package func run(
        _ count: Int,
        _ faults: [@Sendable () async throws -> Void]
    ) async throws -> [Int] {
        let acknowledged = Shared(0)
        async let reading = read()
        async let writing: Void = write(count, acknowledged)
        for (index, fault) in faults.enumerated() {
            let point = (index + 1) * count / (faults.count + 1)
            guard await eventually(within: hang, { acknowledged.value >= point }) else { break }
            try await fault()
        }
        try await writing
        return try await reading
    }

    private func write(_ count: Int, _ acknowledged: Shared<Int>) async throws {
        for start in stride(from: 0, to: count, by: 10) {
            let end = min(start + 10, count)
            for result in try await writer.write(contentsOf: (start..<end).map { OutgoingMessage("\($0)") }) {
                _ = try result.get()
            }
            acknowledged.set(end)
        }
        try await writer.write(OutgoingMessage("end"))
    }

    private func read() async throws -> [Int] {
        var numbers: [Int] = []
        while let message = try await reader.read(timeout: hang) {
            let text = try message.text
            if text == "end" { return numbers }
            numbers.append(Int(text) ?? -1)
        }
        return numbers
    }
}
