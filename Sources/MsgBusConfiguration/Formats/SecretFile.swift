internal import MsgBus

/// A file in which there is a secret and nothing else; the line feed that editors add at its end doesn't count.
enum SecretFile {
    static func text(_ path: String) throws(Complaint) -> String {
        let bytes: [UInt8]
        do throws(MsgBusError) {
            bytes = try ConfigurationFile(path: path).bytes()
        } catch {
            throw Complaint(error.message.replacing("\(path): ", with: "", maxReplacements: 1))
        }
        guard var text = String(validating: bytes, as: UTF8.self) else { throw Complaint("the file isn't UTF-8 text") }
        if text.hasSuffix("\r\n") || text.hasSuffix("\n") { text.removeLast() }
        guard !text.isEmpty else { throw Complaint("the file is empty") }
        return text
    }
}
