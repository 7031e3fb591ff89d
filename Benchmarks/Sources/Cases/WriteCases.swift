import MsgBus

extension Job {
    /// Connects, and writes some messages one by one: the connection stands and the writer has its id before anything is measured.
    private func warmWriter(topic: String? = nil) async throws -> KafkaWriter {
        let writer = try await KafkaWriter.connect(self.writer(topic: topic))
        for _ in 0..<warmup { try await writer.write(OutgoingMessage(value: payload)) }
        return writer
    }

    private func finish(_ writer: KafkaWriter, _ measurement: Measurement) async throws {
        measurement.finish(messages)
        let report = await writer.close(timeout: .seconds(60))
        guard report.undelivered == 0 else { throw Failure("\(report.undelivered) messages weren't delivered") }
    }

    func writeForget() async throws {
        try await forget(OutgoingMessage(value: payload))
    }

    func writeHeaders() async throws {
        let headers: Headers = [
            "trace": "4bf92f3577b34da6a3ce929d0e0e4736", "kind": "order", "source": "benchmark",
        ]
        try await forget(OutgoingMessage(value: payload, key: Array("customer 7".utf8), headers: headers))
    }

    private func forget(_ message: OutgoingMessage) async throws {
        let writer = try await warmWriter()
        let measurement = Measurement()
        for _ in 0..<messages { try writer.enqueue(message) }
        try await writer.flush(timeout: .seconds(120))
        try await finish(writer, measurement)
    }

    func writeBatch() async throws {
        let writer = try await warmWriter()
        let batch = [OutgoingMessage](repeating: OutgoingMessage(value: payload), count: 1000)
        let measurement = Measurement()
        var left = messages
        while left > 0 { left -= try writer.enqueue(contentsOf: batch.prefix(left)) }
        try await writer.flush(timeout: .seconds(120))
        try await finish(writer, measurement)
    }

    func writeBatchAcknowledged() async throws {
        let writer = try await warmWriter()
        let batch = [OutgoingMessage](repeating: OutgoingMessage(value: payload), count: 10_000)
        let measurement = Measurement()
        var left = messages
        while left > 0 {
            let outcomes = try await writer.write(contentsOf: batch.prefix(left))
            for outcome in outcomes { _ = try outcome.get() }
            left -= outcomes.count
        }
        try await finish(writer, measurement)
    }

    func writeAsync() async throws {
        let writer = try await warmWriter()
        let message = OutgoingMessage(value: payload)
        let clock = ContinuousClock()
        var measurement = Measurement()
        measurement.reserve(messages)
        for _ in 0..<messages {
            let start = clock.now
            try await writer.write(message)
            measurement.add(start.duration(to: clock.now))
        }
        try await finish(writer, measurement)
    }

    func writeBlocking() throws {
        let writer = try connect(self.writer())
        let text = String(decoding: payload, as: UTF8.self)
        for _ in 0..<warmup { try writer.messageWrite(text) }
        let clock = ContinuousClock()
        var measurement = Measurement()
        measurement.reserve(messages)
        for _ in 0..<messages {
            let start = clock.now
            try writer.messageWrite(text)
            measurement.add(start.duration(to: clock.now))
        }
        measurement.finish(messages)
        try writer.disconnect()
    }

    /// So many tasks, each of which writes one message after another.
    func writeTasks() async throws {
        let writer = try await warmWriter()
        let message = OutgoingMessage(value: payload)
        let measurement = Measurement()
        try await withThrowingTaskGroup { group in
            for task in 0..<clients {
                let share = messages * (task + 1) / clients - messages * task / clients
                group.addTask {
                    for _ in 0..<share { try await writer.write(message) }
                }
            }
            try await group.waitForAll()
        }
        try await finish(writer, measurement)
    }

    /// So many writers in turn, each of a topic of its own.
    func writeWriters() async throws {
        var writers: [KafkaWriter] = []
        for index in 0..<clients { writers.append(try await warmWriter(topic: "\(topic)-\(index)")) }
        let message = OutgoingMessage(value: payload)
        let measurement = Measurement()
        for index in 0..<messages { try writers[index % clients].enqueue(message) }
        for writer in writers { try await writer.flush(timeout: .seconds(120)) }
        measurement.finish(messages)
        for writer in writers { await writer.close() }
    }
}
