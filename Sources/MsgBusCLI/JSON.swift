import Foundation
import MsgBus

/// A value for programs. An object's keys are sorted, and none is missing: what isn't known is null.
enum JSON: Encodable {
    case null
    case bool(Bool)
    case number(Int64)
    case string(String)
    case array([JSON])
    case object([String: JSON])

    init(_ text: String?) { self = text.map { .string($0) } ?? .null }
    init(_ number: (some BinaryInteger)?) { self = number.map { .number(Int64($0)) } ?? .null }
    init(_ error: MsgBusError?) {
        self =
            error.map { .object(["code": .string($0.code.name), "message": .string("\($0.forCommands)")]) } ?? .null
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .array(let value): try container.encode(value)
        case .object(let value): try container.encode(value)
        }
    }

    /// On one line.
    func line() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(self)) + [UInt8(ascii: "\n")]
    }
}
