package import Foundation

/// The lines of a pipe, one by one.
package struct LineReader {
    private let pipe: FileHandle
    private var rest = Data()

    package init(_ pipe: FileHandle) { self.pipe = pipe }

    /// The next whole line, for which it blocks; nil at the end.
    package mutating func next() -> String? {
        while true {
            if let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                defer { rest = rest[(end + 1)...] }
                return String(decoding: rest[..<end], as: UTF8.self)
            }
            let data = pipe.availableData
            if data.isEmpty { return nil }
            rest.append(data)
        }
    }
}
