import MsgBus
import TestSupport

// A reader that writes what it reads to another topic, each message in the transaction in which it is acknowledged.
extension GroupReader {
    private struct Whim: Error {}

    static func output(of topic: String) -> String { topic + "-processed" }

    /// The writer for it. Whoever comes back under the same name ends what the one before left open.
    func connectWriter(like config: MsgBusConfig) async throws -> KafkaWriter {
        var own = MsgBusConfig(topic: Self.output(of: config.topic), direction: .writer)
        own.brokers = config.brokers
        own.connectTimeout = hang
        own.writer.transactionalID = "\(config.groupID ?? "") \(name)"
        return try await KafkaWriter.connect(own)
    }

    /// Reads, processes and writes until the reader is closed.
    func process(_ reader: KafkaReader, _ writer: KafkaWriter) async throws {
        while true {
            let (limit, seen) = beginCall(upTo: 300)
            let batch = Array(try await reader.readBatch(upTo: limit, within: .milliseconds(50)))
            took(batch, seen)
            await stallIfTold()
            if !batch.isEmpty, try await finish(batch, reader, writer) { committed(batch) }
        }
    }

    /// - Returns: Whether it is known to be done. If not, another member has it, or it was committed and nobody knows when.
    private func finish(_ batch: [Message], _ reader: KafkaReader, _ writer: KafkaWriter) async throws -> Bool {
        while true {
            let changesItsMind = chance(0.1)
            do {
                try await writer.transaction { transaction in
                    for message in batch {
                        try transaction.enqueue(OutgoingMessage(try message.text, partition: message.partition))
                    }
                    try transaction.acknowledge(batch, of: reader)
                    if changesItsMind { throw Whim() }
                }
                return true
            } catch is Whim {
                continue
            } catch let error as MsgBusError {
                switch error.code {
                case .rebalance: return false
                // After a commit whose end wasn't known: it was committed after all.
                case .state: return false
                case .timeout, .transactionAbortable: continue
                default: if !error.isRetriable { throw error }
                }
            }
        }
    }
}
