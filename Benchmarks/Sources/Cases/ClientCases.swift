import MsgBus

// What a client costs by itself, and on the way from a write to its read.
extension Job {
    func roundTrip() async throws {
        let writer = try await KafkaWriter.connect(self.writer())
        let reader = try await KafkaReader.connect(self.reader())
        let message = OutgoingMessage(value: payload)
        let clock = ContinuousClock()
        for _ in 0..<warmup {
            try writer.enqueue(message)
            _ = try await reader.read()
        }
        var measurement = Measurement()
        measurement.reserve(messages)
        for _ in 0..<messages {
            let start = clock.now
            try writer.enqueue(message)
            let read = try await reader.read()
            measurement.add(start.duration(to: clock.now))
            guard read.value?.count == size else { throw Failure("\(read) isn't what was written") }
        }
        measurement.finish(messages)
        await reader.close()
        await writer.close()
    }

    func idle() async throws {
        var readers: [KafkaReader] = []
        for _ in 0..<clients { readers.append(try await KafkaReader.connect(reader())) }
        try await Task.sleep(for: .seconds(2))
        let measurement = Measurement()
        try await Task.sleep(for: .seconds(seconds))
        measurement.finish(0)
        for reader in readers { await reader.close() }
    }

    func connectWriter() async throws {
        var measurement = Measurement()
        for _ in 0..<messages {
            let start = ContinuousClock.now
            let writer = try await KafkaWriter.connect(self.writer())
            measurement.add(start.duration(to: .now))
            await writer.close()
        }
        measurement.finish(messages)
    }

    func connectReader() async throws {
        var measurement = Measurement()
        for _ in 0..<messages {
            let start = ContinuousClock.now
            let reader = try await KafkaReader.connect(self.reader())
            measurement.add(start.duration(to: .now))
            await reader.close()
        }
        measurement.finish(messages)
    }
}
