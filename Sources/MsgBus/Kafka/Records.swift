internal import CRdKafka
internal import Synchronization

/// The records of a ``RecordBatch``, which live as long as it does.
///
/// A record that lives blocks the destruction of its client for ever. So records can be detached: they are copied, and go back to
/// librdkafka as soon as nobody reads in them. They go when their batch goes, or when they were detached and the last reader has left,
/// whichever comes first.
///
/// (An object of its own, for ``LiveRecords`` knows it. If it knew the batch, weakly, each message that is made or let go would pay
/// for that: Swift counts the references to an object slowly once there has been a weak one.)
final class Records: Sendable {
    typealias Record = UnsafeMutablePointer<rd_kafka_message_t>

    /// A record with bytes of its own.
    struct Copy: Sendable {
        var value: [UInt8]?
        var key: [UInt8]?
        var headers: Headers
        var timestamp: MessageTimestamp?
    }

    let count: Int
    // Written once, in init. What it points to is guarded by `readers`.
    private nonisolated(unsafe) let records: UnsafeMutablePointer<Record?>
    private let owner: LiveRecords?

    /// How many read in the records right now, and whether new ones have to read the copies.
    private let readers: Atomic<Int>
    private static let detachedFlag = 1 << 62
    private let copies: Mutex<[Copy]>

    /// Takes over the records and the memory that holds them.
    init(_ records: UnsafeMutablePointer<Record?>, count: Int, owner: LiveRecords) {
        self.records = records
        self.count = count
        self.owner = owner
        readers = Atomic(0)
        copies = Mutex([])
    }

    /// One that was copied from the start.
    init(_ copy: Copy) {
        records = UnsafeMutablePointer.allocate(capacity: 1)
        count = 1
        owner = nil
        readers = Atomic(Self.detachedFlag)
        copies = Mutex([copy])
    }

    deinit { records.deallocate() }

    // MARK: Giving them back

    /// Their batch is gone, and so nobody reads in them; unless somebody is just detaching them, who gives them back then.
    func release() {
        let (before, _) = readers.bitwiseOr(Self.detachedFlag, ordering: .acquiringAndReleasing)
        if before == 0 { giveBack() }
    }

    /// Copies the records and gives them back, at once or when the last reader leaves.
    func detach() {
        guard enter() else { return }
        let copies = (0..<count).map { copy(records[$0]!) }
        self.copies.withLock { $0 = copies }
        readers.bitwiseOr(Self.detachedFlag, ordering: .acquiringAndReleasing)
        leave()
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

    func leave() {
        let (_, now) = readers.subtract(1, ordering: .acquiringAndReleasing)
        if now == Self.detachedFlag { giveBack() }
    }

    private func giveBack() {
        for index in 0..<count { rd_kafka_message_destroy(records[index]) }
        owner?.remove(self)
    }

    // MARK: Reading

    /// The value's bytes where they lie, for as long as the batch lives: in the record for who has entered, else in the copy, which
    /// stays as it is.
    func valueInPlace(at index: Int, isHeld: Bool) -> UnsafeBufferPointer<UInt8>? {
        guard isHeld else { return copy(at: index).value?.withUnsafeBufferPointer { $0 } }
        return Self.bytes(records[index]!.pointee.payload, records[index]!.pointee.len)
    }

    /// The key's bytes, likewise.
    func keyInPlace(at index: Int, isHeld: Bool) -> UnsafeBufferPointer<UInt8>? {
        guard isHeld else { return copy(at: index).key?.withUnsafeBufferPointer { $0 } }
        return Self.bytes(records[index]!.pointee.key, records[index]!.pointee.key_len)
    }

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

    /// One with bytes of its own.
    func copy(at index: Int) -> Copy {
        read(index) {
            copy($0)
        } orCopy: {
            $0
        }
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
