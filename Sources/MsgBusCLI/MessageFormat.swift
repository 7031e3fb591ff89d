import Foundation
import MsgBus

/// How `msgbus read` prints a message.
enum MessageFormat {
    /// A line with the value's bytes as they are; a tombstone is an empty one.
    case text
    /// As the user says.
    case template(FormatString)
    /// A line with a JSON object with all that is known of the message.
    case json

    func append(_ message: Message, to output: inout [UInt8]) {
        switch self {
        case .text:
            message.withValueBytes { value in
                value?.withUnsafeBytes { output.append(contentsOf: $0) }
            }
        case .template(let format):
            return format.append(message, to: &output)
        case .json:
            Self.appendObject(message, to: &output)
        }
        output.append(UInt8(ascii: "\n"))
    }

    // By hand, since it has to be fast, and `JSONEncoder` can't keep the fields in an order for people.
    private static func appendObject(_ message: Message, to output: inout [UInt8]) {
        let timestamp = message.timestamp.map { String($0.millisecondsSince1970) } ?? "null"
        // A topic's name has no character that would need to be escaped.
        output += "{\"topic\":\"\(message.topic)\",\"partition\":\(message.partition),\"offset\":\(message.offset)".utf8
        output += ",\"timestamp\":\(timestamp),\"key\":".utf8
        append(message.key, to: &output)
        output += ",\"value\":".utf8
        append(message.value, to: &output)
        output += ",\"headers\":[".utf8
        for (index, header) in message.headers.enumerated() {
            output += (index == 0 ? "{\"name\":" : ",{\"name\":").utf8
            append(header.name, to: &output)
            output += ",\"value\":".utf8
            append(header.value, to: &output)
            output += "}".utf8
        }
        output += "]}".utf8
    }

    /// A string if the bytes are UTF-8, else an object that says that they are in Base64.
    private static func append(_ bytes: [UInt8]?, to output: inout [UInt8]) {
        guard let bytes else {
            output += "null".utf8
            return
        }
        if let text = String(validating: bytes, as: UTF8.self) {
            append(text, to: &output)
        } else {
            output += "{\"base64\":\"\(Data(bytes).base64EncodedString())\"}".utf8
        }
    }

    private static func append(_ text: String, to output: inout [UInt8]) {
        output.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                output.append(UInt8(ascii: "\\"))
                output.append(byte)
            case UInt8(ascii: "\n"):
                output += "\\n".utf8
            case UInt8(ascii: "\r"):
                output += "\\r".utf8
            case UInt8(ascii: "\t"):
                output += "\\t".utf8
            case 0..<0x20:
                output += (byte < 0x10 ? "\\u000" : "\\u00").utf8
                output += String(byte, radix: 16).utf8
            default:
                output.append(byte)
            }
        }
        output.append(UInt8(ascii: "\""))
    }
}
