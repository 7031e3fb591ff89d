internal import CRdKafka
internal import Synchronization

/// Records as librdkafka received them, shared by the messages that view them.
///
/// A record that lives blocks the destruction of its client for ever. So a batch can be detached: it copies what it has and gives
/// the records back as soon as nobody reads in them. The records go when the batch goes, or when they were detached and the
/// last reader has left, whichever comes first.
final class RecordBatch: Sendable {
    typealias Record = UnsafeMutablePointer<rd_kafka_message_t>

    /// A record with bytes of its own.
    struct Copy: Sendable {
        var value: [UInt8]?
        var key: [UInt8]?
        var headers: Headers
        var timestamp: MessageTimestamp?
    }

    let count: Int
    /// Bytes of all keys and values.
    let byteCount: Int
    /// The reader's ``ReaderState/epoch`` when it took the batch.
    let epoch: Int
    /// Which records stand where; all of them, in their order.
    let runs: [RecordRun]
    // Written once, in init. What it points to is guarded by `readers`.
    private nonisolated(unsafe) let records: UnsafeMutablePointer<Record?>
    private let owner: LiveRecords?

    /// How many read in the records right now, and whether new ones have to read the copies.
    private let readers: Atomic<Int>
    private static let detachedFlag = 1 << 62
    private let copies: Mutex<[Copy]>

    /// Takes over the records and the memory that holds them.
    init(_ records: UnsafeMutablePointer<Record?>, count: Int, epoch: Int, owner: LiveRecords) {
        self.records = records
        self.count = count
        self.epoch = epoch
        self.owner = owner
        readers = Atomic(0)
        copies = Mutex([])
        var byteCount = 0
        runs = Self.runs(of: records, count, &byteCount)
        self.byteCount = byteCount
        owner.add(self)
    }

    /// A batch of one message without a record.
    private init(_ copy: Copy, _ message: Message) {
        epoch = message.batch.epoch
        runs = [RecordRun(partition: message.topicPartition, offset: message.offset, range: 0..<1)]
        records = UnsafeMutablePointer.allocate(capacity: 1)
        count = 1
        byteCount = 0
        owner = nil
        readers = Atomic(Self.detachedFlag)
        copies = Mutex([copy])
    }

    private static func runs(
        of records: UnsafeMutablePointer<Record?>,
        _ count: Int,
        _ byteCount: inout Int
    ) -> [RecordRun] {
        var runs: [RecordRun] = []
        var start = 0
        for index in 0..<count {
            let record = records[index]!.pointee
            byteCount += record.len + record.key_len
            if index + 1 < count {
                let next = records[index + 1]!.pointee
                if next.offset == record.offset + 1, next.partition == record.partition, next.rkt == record.rkt {
                    continue
                }
            }
            let topic = CHandle(record.rkt!)
            let first = records[start]!.pointee
            // Mostly the same as of the run before: then without making its name a string again.
            let isKnown = start > 0 && records[start - 1]!.pointee.rkt == record.rkt
            let name = isKnown ? runs.last!.partition.topic : String(cString: rd_kafka_topic_name(topic.pointer))
            let partition = TopicPartition(topic: name, partition: Int(record.partition))
            runs.append(RecordRun(partition: partition, offset: first.offset, range: start..<(index + 1)))
            start = index + 1
        }
        return runs
    }

    deinit {
        if readers.load(ordering: .acquiring) & Self.detachedFlag == 0 { giveBack() }
        records.deallocate()
    }

    /// The message at a position.
    func message(at index: Int) -> Message {
        let run = run(at: index)
        return Message(
            batch: self,
            index: index,
            partition: run.partition.partition,
            offset: run.offset(at: index)
        )
    }

    /// The run that a position is in.
    func run(at index: Int) -> RecordRun { runs[runIndex(at: index)] }

    func runIndex(at index: Int) -> Int {
        var low = 0
        var high = runs.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if runs[middle].range.lowerBound <= index { low = middle } else { high = middle }
        }
        return low
    }

    // MARK: What messages ask for

    func timestamp(at index: Int) -> MessageTimestamp? {
        read(index) {
            MessageTimestamp(of: $0)
        } orCopy: {
            $0.timestamp
        }
    }

    func headers(at index: Int) -> Headers {
        read(index) { record in
            // librdkafka parses them at the first call, without a lock.
            copies.withLock { _ in Headers(record) }
        } orCopy: {
            $0.headers
        }
    }

    func withValue<Result, Failure: Error>(
        at index: Int,
        _ body: (UnsafeBufferPointer<UInt8>?) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try read(index) { (record) throws(Failure) in
            try body(Self.bytes(record.pointee.payload, record.pointee.len))
        } orCopy: { (copy) throws(Failure) in
            try Self.lend(copy.value, to: body)
        }
    }

    func withKey<Result, Failure: Error>(
        at index: Int,
        _ body: (UnsafeBufferPointer<UInt8>?) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try read(index) { (record) throws(Failure) in
            try body(Self.bytes(record.pointee.key, record.pointee.key_len))
        } orCopy: { (copy) throws(Failure) in
            try Self.lend(copy.key, to: body)
        }
    }

    /// Bytes of key and value, while the records live.
    func size(at index: Int) -> Int { records[index]!.pointee.len + records[index]!.pointee.key_len }

    /// The same of several.
    func size(at range: Range<Int>) -> Int { range.reduce(0) { $0 + size(at: $1) } }

    /// A batch of one that holds a copy of a record.
    func detachedCopy(of message: Message) -> RecordBatch {
        let contents = read(message.index) {
            copy($0)
        } orCopy: {
            $0
        }
        return RecordBatch(contents, message)
    }

    // MARK: Detaching

    /// Copies the records and gives them back, at once or when the last reader leaves.
    func detach() {
        guard enter() else { return }
        let copies = (0..<count).map { copy(records[$0]!) }
        self.copies.withLock { $0 = copies }
        readers.bitwiseOr(Self.detachedFlag, ordering: .acquiringAndReleasing)
        leave()
    }

    private func read<Result, Failure: Error>(
        _ index: Int,
        _ body: (Record) throws(Failure) -> Result,
        orCopy other: (Copy) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        guard enter() else {
            let copy = copies.withLock { $0[index] }
            return try other(copy)
        }
        defer { leave() }
        return try body(records[index]!)
    }

    /// Begins to read; false when the records are gone, and the copies have to do. ``leave()`` ends it.
    func enter() -> Bool {
        var seen = readers.load(ordering: .relaxed)
        while seen & Self.detachedFlag == 0 {
            let (exchanged, original) = readers.weakCompareExchange(
                expected: seen,
                desired: seen + 1,
                successOrdering: .acquiring,
                failureOrdering: .relaxed
            )
            if exchanged { return true }
            seen = original
        }
        return false
    }

    /// A record, for who has entered.
    func borrowedRecord(at index: Int) -> Record { records[index]! }

    func leave() {
        let (_, now) = readers.subtract(1, ordering: .acquiringAndReleasing)
        if now == Self.detachedFlag { giveBack() }
    }

    private func giveBack() {
        for index in 0..<count { rd_kafka_message_destroy(records[index]) }
        owner?.remove(self)
    }

    // MARK: Reading a record

    private func copy(_ record: Record) -> Copy {
        Copy(
            value: Self.bytes(record.pointee.payload, record.pointee.len).map { Array($0) },
            key: Self.bytes(record.pointee.key, record.pointee.key_len).map { Array($0) },
            headers: copies.withLock { _ in Headers(record) },
            timestamp: MessageTimestamp(of: record)
        )
    }

    private static func bytes(_ start: UnsafeMutableRawPointer?, _ count: Int) -> UnsafeBufferPointer<UInt8>? {
        guard let start else { return nil }
        return UnsafeBufferPointer(start: start.assumingMemoryBound(to: UInt8.self), count: count)
    }

    private static func lend<Result, Failure: Error>(
        _ bytes: [UInt8]?,
        to body: (UnsafeBufferPointer<UInt8>?) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        guard let bytes else { return try body(nil) }
        return try bytes.withUnsafeBufferPointer { (bytes) throws(Failure) in try body(bytes) }
    }
}
