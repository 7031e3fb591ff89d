import Dispatch

/// Which message: who wrote it and its number there, which are also its value: `writer.sequence`.
struct MessageID: Hashable, CustomStringConvertible {
    let writer: Int
    let sequence: Int

    init(writer: Int, sequence: Int) { (self.writer, self.sequence) = (writer, sequence) }

    /// From a message's value.
    init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ".")
        guard parts.count == 2, let writer = Int(parts[0]), let sequence = Int(parts[1]) else { return nil }
        self.init(writer: writer, sequence: sequence)
    }

    var description: String { "\(writer).\(sequence)" }
}

/// What a reader of the group says has happened, in the order in which it did.
///
/// One in a process of its own writes it to its standard output, a line each, before it acknowledges what it has read: so whatever
/// can have been committed has been reported, however the process ends.
enum Report {
    /// A partition was assigned, and this is what the group had committed; -1: nothing.
    case assigned(partition: Int, committed: Int64)
    /// A message was handed out. Where the partition was assigned since the call began, it may be of the time before.
    case read(partition: Int, offset: Int64, id: MessageID, mayBeOlder: Bool)
    /// The application has done its work for this message, and is about to say so. One that was only read has to come again.
    case finished(partition: Int, offset: Int64)
    /// The reader was told that this message is done, and had the partition then.
    case done(partition: Int, offset: Int64)
    /// A call that commits has returned: the group knows that everything before this offset is done.
    case committed(partition: Int, offset: Int64)
    /// The group takes the partition back, and what is done by now will be committed.
    case revoked(partition: Int)
    /// The partition is another member's already.
    case lost(partition: Int)
    /// A message came of a partition that was taken back before the call that returned it began.
    case stray(partition: Int, offset: Int64)
    /// The reader logged that a commit was refused, so that messages come again.
    case refused(String)
    /// It failed in a way that nothing of what happens explains.
    case failed(String)
}

/// Time that all processes of this machine share, in nanoseconds.
func now() -> UInt64 { DispatchTime.now().uptimeNanoseconds }

extension Report {
    init?(line: some StringProtocol) {
        let kind = line.prefix(1)
        let text = line.dropFirst(2)
        let words = text.split(separator: " ")
        func number(_ index: Int) -> Int64? { index < words.count ? Int64(words[index]) : nil }
        func partition() -> Int? { number(0).map { Int($0) } }
        switch kind {
        case "A":
            guard let partition = partition(), let committed = number(1) else { return nil }
            self = .assigned(partition: partition, committed: committed)
        case "M":
            guard let partition = partition(), let offset = number(1), let flag = number(3),
                let id = MessageID(words[2])
            else { return nil }
            self = .read(partition: partition, offset: offset, id: id, mayBeOlder: flag == 1)
        case "D":
            guard let partition = partition(), let offset = number(1) else { return nil }
            self = .done(partition: partition, offset: offset)
        case "E":
            guard let partition = partition(), let offset = number(1) else { return nil }
            self = .finished(partition: partition, offset: offset)
        case "C":
            guard let partition = partition(), let offset = number(1) else { return nil }
            self = .committed(partition: partition, offset: offset)
        case "R":
            guard let partition = partition() else { return nil }
            self = .revoked(partition: partition)
        case "L":
            guard let partition = partition() else { return nil }
            self = .lost(partition: partition)
        case "S":
            guard let partition = partition(), let offset = number(1) else { return nil }
            self = .stray(partition: partition, offset: offset)
        case "X": self = .refused(String(text))
        case "F": self = .failed(String(text))
        default: return nil
        }
    }

    var line: String {
        switch self {
        case .assigned(let partition, let committed): "A \(partition) \(committed)"
        case .read(let partition, let offset, let id, let mayBeOlder):
            "M \(partition) \(offset) \(id) \(mayBeOlder ? 1 : 0)"
        case .finished(let partition, let offset): "E \(partition) \(offset)"
        case .done(let partition, let offset): "D \(partition) \(offset)"
        case .committed(let partition, let offset): "C \(partition) \(offset)"
        case .revoked(let partition): "R \(partition)"
        case .lost(let partition): "L \(partition)"
        case .stray(let partition, let offset): "S \(partition) \(offset)"
        case .refused(let text): "X \(text.split(separator: "\n").joined(separator: " "))"
        case .failed(let text): "F \(text.split(separator: "\n").joined(separator: " "))"
        }
    }
}
