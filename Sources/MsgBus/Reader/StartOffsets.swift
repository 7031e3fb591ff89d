/// Turns start positions into offsets.
///
/// The end is looked up here, at once: if librdkafka were told "at the end" it would look later, and miss what is sent before. The
/// beginning too: an answer that comes when the partition has been assigned anew or sought elsewhere, librdkafka (2.16 too) takes for a
/// reason to ask again, and then goes back to the beginning from wherever it has got to.
struct StartOffsets {
    let consumer: ConsumerClient

    /// Blocks up to the time given, on `work`.
    func offsets(
        of starts: [TopicPartition: StartPosition],
        within time: Duration
    ) throws(MsgBusError) -> [TopicPartition: Int64] {
        var offsets: [TopicPartition: Int64] = [:]
        for (position, partitions) in Dictionary(grouping: starts.keys, by: { starts[$0]! }) {
            offsets.merge(try self.offsets(of: partitions, at: position, within: time)) { $1 }
        }
        return offsets
    }

    private func offsets(
        of partitions: [TopicPartition],
        at position: StartPosition,
        within time: Duration
    ) throws(MsgBusError) -> [TopicPartition: Int64] {
        func all(_ value: Int64) -> [TopicPartition: Int64] {
            Dictionary(uniqueKeysWithValues: partitions.map { ($0, value) })
        }
        switch position {
        case .earliest:
            // Where nobody knows it soon, nobody waits: if 0 is gone, librdkafka goes on with the oldest message there is.
            let known = try? consumer.offsets(for: all(ConsumerClient.beginning), within: min(time, .seconds(1)))
            return all(0).merging(known ?? [:]) { $1 }
        case .offset(let offset):
            return all(offset)
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

    /// Tries until it has worked, or until the closure doesn't want any longer. Not on `work`, which others can use meanwhile.
    func offsets(
        of starts: [TopicPartition: StartPosition],
        retryingWhile goOn: (MsgBusError) -> Bool
    ) throws(MsgBusError) -> [TopicPartition: Int64] {
        guard !starts.isEmpty else { return [:] }
        while true {
            do throws(MsgBusError) {
                return try consumer.client.onWork { () throws(MsgBusError) in
                    try offsets(of: starts, within: .seconds(2))
                }
            } catch {
                guard error.isRetriable, goOn(error) else { throw error }
            }
        }
    }
}
