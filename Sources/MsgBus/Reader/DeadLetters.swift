internal import Synchronization

/// Writes messages that failed to topics of their own, over a writer that is connected when the first one comes.
final class DeadLetters: Sendable {
    private struct State {
        var writers: [String: Task<KafkaWriter, any Error>] = [:]
        /// Those of them that are there.
        var connected: [String: KafkaWriter] = [:]
        /// Letters on their way.
        var letters: [Int: Task<Void, Never>] = [:]
        var last = 0
        var isClosed = false
    }

    private let config: MsgBusConfig
    private let state = Mutex(State())

    init(_ config: MsgBusConfig) { self.config = config }

    static func letter(_ message: Message, _ reason: any Error, _ failures: Int, groupID: String?) -> OutgoingMessage {
        var headers = message.headers
        func add(_ name: String, _ value: String) { headers.append("msgbus.\(name)", Array(value.utf8)) }
        add("topic", message.topic)
        add("partition", "\(message.partition)")
        add("offset", "\(message.offset)")
        if let timestamp = message.timestamp { add("timestamp", "\(timestamp.millisecondsSince1970)") }
        if let groupID { add("group", groupID) }
        add("attempts", "\(failures)")
        add("error", "\(reason)")
        return OutgoingMessage(value: message.value, key: message.key, headers: headers)
    }

    func write(_ letter: OutgoingMessage, to topic: String) async throws {
        let task: Task<KafkaWriter, any Error>? = state.withLock { state in
            if state.isClosed { return nil }
            if let task = state.writers[topic] { return task }
            let config = writerConfig(topic)
            let task = Task { try await KafkaWriter.connect(config) }
            state.writers[topic] = task
            return task
        }
        guard let task else { throw MsgBusError(.closed, "the reader is closed") }
        let writer: KafkaWriter
        do {
            writer = try await task.value
            state.withLock { if !$0.isClosed { $0.connected[topic] = writer } }
        } catch {
            // The next one connects anew.
            state.withLock { $0.writers[topic] = nil }
            throw error
        }
        do throws(MsgBusError) {
            try await writer.write(letter)
        } catch {
            if error.isFatal { state.withLock { ($0.writers[topic], $0.connected[topic]) = (nil, nil) } }
            throw error
        }
    }

    /// Where the reader reads, and as who.
    private func writerConfig(_ topic: String) -> MsgBusConfig {
        var config = MsgBusConfig(topic: topic, direction: .writer)
        config.brokers = self.config.brokers
        config.host = self.config.host
        config.port = self.config.port
        config.security = self.config.security
        config.connectTimeout = self.config.connectTimeout
        let shared = ["security.", "sasl.", "ssl.", "socket.", "broker.", "client.", "enable.ssl", "reconnect."]
        config.properties = self.config.properties.filter { name, _ in shared.contains { name.hasPrefix($0) } }
        return config
    }

    /// Runs what sends a letter; a close cancels it.
    func send(_ body: @escaping @Sendable () async -> Void) {
        state.withLock { state in
            guard !state.isClosed else { return }
            state.last += 1
            let id = state.last
            state.letters[id] = Task {
                await body()
                self.state.withLock { $0.letters[id] = nil }
            }
        }
    }

    /// Begins to close the writers. A letter that isn't acknowledged by then counts as not written: its message comes again.
    ///
    /// - Returns: Their ends, at the latest after that time.
    func close(within time: Duration) -> [OneShot<CloseReport>] {
        let last = state.withLock { state in
            state.isClosed = true
            defer { (state.writers, state.connected, state.letters) = ([:], [:], [:]) }
            return state
        }
        for letter in last.letters.values { letter.cancel() }
        for writer in last.writers.values { writer.cancel() }
        return last.connected.values.map { writer in
            writer.core.close(within: time)
            return writer.core.end
        }
    }
}
