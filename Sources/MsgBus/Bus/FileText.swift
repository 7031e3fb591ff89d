#if canImport(Darwin)
private import Darwin
#else
private import Glibc
#endif

/// Reads small files.
enum FileText {
    enum Contents {
        case text(String)
        case folder
        /// It can't be read, and why, in the system's words.
        case unreadable(String)
    }

    /// What a file contains, up to a size that no certificate has.
    static func read(_ path: String, upTo limit: Int = 16 << 20) -> Contents {
        // A pipe without a writer would else keep us waiting.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return .unreadable(String(cString: strerror(errno))) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return .unreadable(String(cString: strerror(errno))) }
        if status.st_mode & S_IFMT == S_IFDIR { return .folder }
        guard status.st_mode & S_IFMT == S_IFREG else { return .unreadable("it is not a file") }
        guard status.st_size <= limit else { return .unreadable("it is larger than \(limit >> 20) MiB") }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        var count = 0
        while count < bytes.count {
            let result = bytes.withUnsafeMutableBytes {
                readBytes(descriptor, $0.baseAddress! + count, $0.count - count)
            }
            guard result > 0 else { break }
            count += result
        }
        return .text(String(decoding: bytes[..<count], as: UTF8.self))
    }

    /// Writes a text to a new file that only this user can read.
    ///
    /// - Returns: Its path; the caller removes it.
    static func temporaryFile(_ text: String) throws(MsgBusError) -> String {
        let folder = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(folder)/msgbus-XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        guard descriptor >= 0 else {
            throw MsgBusError(
                .configuration,
                "can't write to the folder \"\(folder)\": \(String(cString: strerror(errno)))"
            )
        }
        defer { close(descriptor) }
        let path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress!, $0.count) }
            guard count > 0 else {
                let reason = String(cString: strerror(errno))
                remove(path)
                throw MsgBusError(.configuration, "can't write \"\(path)\": \(reason)")
            }
            rest = rest.dropFirst(count)
        }
        return path
    }

    static func remove(_ path: String) { unlink(path) }
}

/// `read` of the system, which `FileText.read` hides.
private func readBytes(_ descriptor: Int32, _ buffer: UnsafeMutableRawPointer, _ count: Int) -> Int {
    read(descriptor, buffer, count)
}
