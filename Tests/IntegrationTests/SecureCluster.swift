import MsgBus
import TestSupport
import Testing

/// A broker in its own process that lets clients in only through guards.
struct SecureCluster {
    static let isUsable = ProcessBroker.isUsable && FaultProxy.isUsable && Certificates.isUsable
    static let hint = "\(ProcessBroker.hint); \(FaultProxy.hint); \(Certificates.hint)"

    static let certificates = Result { try Certificates() }

    let proxy: FaultProxy
    let topic = unique("secure")

    /// Starts it on a thread of its own: what tests wait for with `await` needs the few that Swift has.
    init(_ guards: [FaultProxy.Guard]) async throws {
        proxy = try await onThread { try FaultProxy(inFrontOf: ProcessBroker.shared.get(), guards: guards) }
    }

    func config(_ direction: BusDirection, _ security: Security) -> MsgBusConfig {
        var config = MsgBusConfig(topic: topic, direction: direction)
        config.brokers = proxy.brokers
        config.security = security
        config.connectTimeout = patience
        if direction == .reader {
            config.reader.missingTopic = .create(partitions: 1)
            config.reader.startFrom = .earliest
            config.groupID = unique("group")
        }
        return config
    }

    /// A message goes out, and comes in to a member of a group.
    func expectRoundTrip(_ security: Security, _ change: (inout MsgBusConfig) -> Void = { _ in }) async throws {
        var (read, write) = (config(.reader, security), config(.writer, security))
        change(&read)
        change(&write)
        let reader = try await KafkaReader.connect(read)
        let writer = try await KafkaWriter.connect(write)
        let text = unique("message")
        try await writer.write(OutgoingMessage(text))
        var found = false
        while !found, let message = try await reader.read(timeout: patience) { found = try message.text == text }
        #expect(found)
        await writer.close()
        await reader.close()
    }
}
