import MsgBus
import TestSupport

/// Administers the broker that all tests share; closes in the end.
func administrate<Value>(
    _ broker: TestBroker = .ownProcess,
    _ body: (BusAdmin) async throws -> Value
) async throws -> Value {
    let admin = try await BusAdmin.connect(to: try broker.config(topic: "unused", direction: .reader))
    do {
        let value = try await body(admin)
        await admin.close()
        return value
    } catch {
        await admin.close()
        throw error
    }
}

/// Writes numbered messages, one after another, to partitions in turn.
func write(
    _ count: Int,
    to topic: String,
    partitions: Int = 1,
    on broker: TestBroker = .ownProcess,
    from first: Int = 0
) async throws {
    let writer = try await KafkaWriter.connect(try broker.config(topic: topic, direction: .writer))
    let messages = (first..<(first + count)).map { OutgoingMessage("\($0)", partition: $0 % partitions) }
    for result in try await writer.write(contentsOf: messages) { _ = try result.get() }
    await writer.close()
}

/// Reads in a group until so many messages have come, acknowledges them, and leaves.
@discardableResult
func read(
    _ count: Int,
    of topic: String,
    group: String,
    on broker: TestBroker = .ownProcess
) async throws -> [String] {
    let reader = try await join(group, topic, on: broker)
    var texts: [String] = []
    while texts.count < count, let message = try await reader.read(timeout: patience) {
        texts.append(try message.text)
        try reader.acknowledge(message)
    }
    try await reader.commit()
    await reader.close()
    return texts
}

/// A member of a group that starts at the beginning.
func join(_ group: String, _ topic: String, on broker: TestBroker = .ownProcess) async throws -> KafkaReader {
    var config = try broker.config(topic: topic, direction: .reader)
    config.groupID = group
    config.connectTimeout = patience
    config.reader.startFrom = .earliest
    config.reader.ackMode = .manual
    return try await KafkaReader.connect(config)
}

extension Result where Failure == MsgBusError {
    var code: MsgBusError.Code? {
        if case .failure(let error) = self { error.code } else { nil }
    }
}
