/// Turns a start position into an offset for each partition.
///
/// The end is looked up here, at once: if librdkafka were told "at the end" it would look later, and miss what is sent before.
struct StartOffsets {
    let position: StartPosition
    let consumer: ConsumerClient

    /// Blocks up to the time given.
    func offsets(
        of partitions: [TopicPartition],
        within time: Duration
    ) throws(MsgBusError) -> [TopicPartition: Int64] {
        func all(_ value: Int64) -> [TopicPartition: Int64] {
            Dictionary(uniqueKeysWithValues: partitions.map { ($0, value) })
        }
        guard !partitions.isEmpty else { return [:] }
        switch position {
        case .earliest:
            return all(ConsumerClient.beginning)
        case .latest:
            return try consumer.offsets(for: all(ConsumerClient.end), within: time)
        case .time(let first):
            let ends = try consumer.offsets(for: all(ConsumerClient.end), within: time)
            let found = try consumer.offsets(for: all(max(0, first.millisecondsSince1970)), within: time)
            return ends.merging(found) { _, found in found }
        case .last(let count):
            let ends = try consumer.offsets(for: all(ConsumerClient.end), within: time)
            let beginnings = try consumer.offsets(for: all(ConsumerClient.beginning), within: time)
            return ends.merging(beginnings) { end, beginning in max(beginning, end - Int64(count)) }
        }
    }

    /// Tries until it has worked, or until the closure doesn't want any longer.
    func offsets(
        of partitions: [TopicPartition],
        retryingWhile goOn: (MsgBusError) -> Bool
    ) throws(MsgBusError) -> [TopicPartition: Int64] {
        while true {
            do throws(MsgBusError) {
                return try offsets(of: partitions, within: .seconds(2))
            } catch {
                guard error.isRetriable, goOn(error) else { throw error }
            }
        }
    }
}
