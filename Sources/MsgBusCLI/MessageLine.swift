import Foundation
import MsgBus

/// A message as `msgbus read --json` prints it, for `msgbus write --json`.
struct MessageLine: Decodable {
    private(set) var key: [UInt8]?
    private(set) var value: [UInt8]?
    private(set) var headers = Headers()
    private(set) var partition: Int?
    private(set) var timestamp: MessageTimestamp?

    /// Understands a line.
    ///
    /// - Throws: What is wrong with it, without its content, and on which line that is.
    init(_ line: [UInt8], number: Int) throws(CommandFailure) {
        do {
            self = try JSONDecoder().decode(Self.self, from: Data(line))
        } catch let error as DecodingError {
            throw CommandFailure(message: "line \(number): \(Self.text(error))")
        } catch {
            throw CommandFailure(message: "line \(number): it isn't a JSON object")
        }
    }

    private enum Key: String, CodingKey, CaseIterable {
        // Where it was read doesn't matter; what isn't listed here may be a slip of somebody's fingers.
        case topic, offset
        case key, value, headers, partition, timestamp
    }

    fileprivate struct AnyKey: CodingKey {
        let stringValue: String
        let intValue: Int? = nil
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    init(from decoder: any Decoder) throws {
        try decoder.requireKeys(of: Key.self)
        let container = try decoder.container(keyedBy: Key.self)
        // A message without a value is a tombstone, which nobody shall write by leaving something out.
        guard container.contains(.value) else {
            throw DecodingError.keyNotFound(Key.value, .init(codingPath: [], debugDescription: ""))
        }
        key = try container.decodeIfPresent(Bytes.self, forKey: .key)?.bytes
        value = try container.decodeIfPresent(Bytes.self, forKey: .value)?.bytes
        for header in try container.decodeIfPresent([Header].self, forKey: .headers) ?? [] {
            headers.append(header.name, header.value?.bytes)
        }
        partition = try container.decodeIfPresent(Int.self, forKey: .partition)
        if let partition, !(0...Int(Int32.max)).contains(partition) {
            throw DecodingError.dataCorruptedError(
                forKey: .partition,
                in: container,
                debugDescription: "there is no such partition"
            )
        }
        timestamp = try container.decodeIfPresent(Int64.self, forKey: .timestamp).map {
            MessageTimestamp(millisecondsSince1970: $0)
        }
    }

    private struct Header: Decodable {
        let name: String
        let value: Bytes?

        private enum Key: String, CodingKey, CaseIterable {
            case name, value
        }

        init(from decoder: any Decoder) throws {
            try decoder.requireKeys(of: Key.self)
            let container = try decoder.container(keyedBy: Key.self)
            name = try container.decode(String.self, forKey: .name)
            guard container.contains(.value) else {
                throw DecodingError.keyNotFound(
                    Key.value,
                    .init(codingPath: container.codingPath, debugDescription: "")
                )
            }
            value = try container.decodeIfPresent(Bytes.self, forKey: .value)
        }
    }

    /// A string, or Base64 of what isn't UTF-8.
    private struct Bytes: Decodable {
        let bytes: [UInt8]

        private struct Base64: Decodable {
            let base64: Data

            enum CodingKeys: String, CodingKey, CaseIterable {
                case base64
            }
        }

        init(from decoder: any Decoder) throws {
            if let text = try? decoder.singleValueContainer().decode(String.self) {
                bytes = Array(text.utf8)
            } else if let base64 = try? decoder.singleValueContainer().decode(Base64.self) {
                try decoder.requireKeys(of: Base64.CodingKeys.self)
                bytes = Array(base64.base64)
            } else {
                throw DecodingError.dataCorrupted(
                    .init(
                        codingPath: decoder.codingPath,
                        debugDescription: "it is no string, {\"base64\": \"…\"} or null"
                    )
                )
            }
        }
    }

    private static func text(_ error: DecodingError) -> String {
        func at(_ context: DecodingError.Context) -> String {
            let path = context.codingPath.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }.joined(separator: ".")
            return path.isEmpty ? "it isn't a JSON object" : "\"\(path)\""
        }
        switch error {
        case .keyNotFound(let key, let context):
            let isMessage = context.codingPath.isEmpty
            let null = isMessage ? ": null is a tombstone" : ": null is a header without a value"
            return "\(isMessage ? "the message" : at(context)) has no \"\(key.stringValue)\""
                + (key.stringValue == "value" ? null : "")
        case .typeMismatch(let type, let context):
            return context.codingPath.isEmpty ? at(context) : "\(at(context)) is no \(name(type))"
        case .valueNotFound(let type, let context):
            return "\(at(context)) is null, and has to be a \(name(type))"
        case .dataCorrupted(let context):
            // It doesn't say which number can't be what it has to be.
            guard !context.codingPath.isEmpty else { return "\(at(context)), or it has a number that isn't whole" }
            return "\(at(context)): \(context.debugDescription)"
        @unknown default:
            return "it isn't a message"
        }
    }

    private static func name(_ type: any Any.Type) -> String {
        switch type {
        case is Int.Type, is Int64.Type: "whole number"
        case is String.Type: "string"
        default: "list"
        }
    }
}

extension Decoder {
    /// Throws if an object has a key that isn't one of these.
    fileprivate func requireKeys<Key: CodingKey & CaseIterable & RawRepresentable>(
        of type: Key.Type
    ) throws where Key.RawValue == String {
        let container = try container(keyedBy: MessageLine.AnyKey.self)
        guard let key = container.allKeys.first(where: { Key(rawValue: $0.stringValue) == nil }) else { return }
        let known = Key.allCases.map(\.rawValue)
        throw DecodingError.dataCorruptedError(
            forKey: key,
            in: container,
            debugDescription:
                "there is no such key; there \(known.count == 1 ? "is" : "are") \(known.joined(separator: ", "))"
        )
    }
}
