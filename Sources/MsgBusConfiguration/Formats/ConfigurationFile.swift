internal import Foundation
internal import MsgBus

/// A file with settings, in YAML or JSON.
struct ConfigurationFile {
    let path: String

    /// No configuration is as long, and memory is finite.
    static let longest = 1 << 20

    /// Reads it.
    func tree() throws(MsgBusError) -> Tree {
        var bytes = try bytes()
        let mark: [UInt8] = [0xef, 0xbb, 0xbf]
        if bytes.starts(with: mark) { bytes.removeFirst(mark.count) }
        return try Self.tree(of: bytes, in: path)
    }

    /// Reads text that is a file's, or could be.
    ///
    /// - Parameters:
    ///   - bytes: The text.
    ///   - name: The file's name: what ends in `.json` is JSON, in `.yaml` or `.yml` YAML; others are JSON if they begin as an object.
    static func tree(of bytes: [UInt8], in name: String) throws(MsgBusError) -> Tree {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            let valid = String(decoding: bytes, as: UTF8.self).prefix { $0 != "\u{FFFD}" }
            let line = 1 + valid.utf8.count { $0 == UInt8(ascii: "\n") }
            throw .refused(Place(name: name, line: line), "the file isn't UTF-8 text")
        }
        if let position = bytes.firstIndex(of: 0) {
            let line = 1 + bytes[..<position].count { $0 == UInt8(ascii: "\n") }
            throw .refused(Place(name: name, line: line), "there is a NUL in the file: it has to be text")
        }
        let lowercased = name.lowercased()
        if lowercased.hasSuffix(".yaml") || lowercased.hasSuffix(".yml") { return try YAML.tree(of: text, in: name) }
        let isObject = text.utf8.first { !" \t\r\n".utf8.contains($0) } == UInt8(ascii: "{")
        guard lowercased.hasSuffix(".json") || isObject else { return try YAML.tree(of: text, in: name) }
        return try JSON.tree(of: text, in: name)
    }

    /// All of it, if it is not too long.
    func bytes() throws(MsgBusError) -> [UInt8] {
        guard !path.utf8.contains(0) else {
            throw .refused(Place(name: path.replacing("\0", with: "\\0")), "a file's name has no NUL")
        }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw cannotRead(errno) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        while bytes.count <= Self.longest {
            var failure: Int32 = 0
            let block = [UInt8](unsafeUninitializedCapacity: 64 * 1024) { buffer, count in
                let result = read(descriptor, buffer.baseAddress, buffer.count)
                failure = result < 0 ? errno : 0
                count = max(0, result)
            }
            if failure == EINTR { continue }
            guard failure == 0 else { throw cannotRead(failure) }
            if block.isEmpty { return bytes }
            bytes += block
        }
        throw .refused(
            Place(name: path),
            "the file is longer than \(Self.longest) bytes, which no configuration is: is it the right one?"
        )
    }

    private func cannotRead(_ number: Int32) -> MsgBusError {
        let reason =
            switch number {
            case ENOENT: "there is no such file"
            case EISDIR: "it is a directory, and a file is wanted"
            case EACCES: "the file can't be read: permission denied"
            default: "the file can't be read: \(String(cString: strerror(number)))"
            }
        return .refused(Place(name: path), reason)
    }
}

extension MsgBusError {
    /// A setting that is refused, and where it stands.
    static func refused(_ place: Place, _ why: String) -> MsgBusError {
        var error = MsgBusError(.configuration, "\(place): \(why)")
        error.shorten()
        return error
    }

    /// A name or value in it may be as long as a file, and nobody reads that.
    mutating func shorten() {
        let longest = 1000
        if message.unicodeScalars.count > longest { message = String(message.unicodeScalars.prefix(longest)) + "…" }
    }
}
