import Foundation
import TestSupport
import Testing

@testable import MsgBus

/// What a client offers when it begins TLS, read off the wire.
@Suite("The offer of TLS", .timeLimit(.minutes(5)))
struct TLSOfferTests {
    /// The suites that a client offers first of all.
    private func suites(_ change: (inout MsgBusConfig) -> Void) async throws -> [UInt16] {
        let peer = try Listener()
        let hello = Task {
            try await onThread {
                let connection = accept(peer.descriptor, nil, nil)
                defer { close(connection) }
                var bytes: [UInt8] = []
                while bytes.count < 5 || bytes.count < 5 + Int(bytes[3]) << 8 + Int(bytes[4]) {
                    var buffer = [UInt8](repeating: 0, count: 4096)
                    let count = read(connection, &buffer, buffer.count)
                    guard count > 0 else { break }
                    bytes += buffer[..<count]
                }
                return bytes
            }
        }
        var config = MsgBusConfig(topic: "t", direction: .writer)
        config.host = "127.0.0.1"
        config.port = peer.port
        config.connectRetries = 1
        config.connectTimeout = patience
        change(&config)
        let final = config
        let connecting = Task { try await KafkaWriter.connect(final) }
        let bytes = try await hello.value
        connecting.cancel()
        _ = await connecting.result
        close(peer.descriptor)
        // RFC 8446 §4.1.2: after the record's and the message's header, version and random number, come the session's and the suites.
        try #require(bytes.count > 46 && bytes[0] == 0x16 && bytes[5] == 1)
        let start = 44 + Int(bytes[43])
        let count = (Int(bytes[start]) << 8 + Int(bytes[start + 1])) / 2
        return (0..<count).map { UInt16(bytes[start + 2 + 2 * $0]) << 8 | UInt16(bytes[start + 3 + 2 * $0]) }
    }

    /// Those that TLS 1.0 and 1.1 can use; the numbers after them came with 1.2.
    private func isOld(_ suite: UInt16) -> Bool {
        [0x0001...0x003b, 0x0041...0x0046, 0x0084...0x0089, 0xc001...0xc022].contains { $0.contains(suite) }
    }

    @Test("TLS 1.2 and newer is all that is offered by default")
    func byDefault() async throws {
        let suites = try await suites { $0.security = .tls() }
        #expect(!suites.contains(where: isOld))
        #expect(suites.contains(0xc02f) && suites.contains(0x1301))
    }

    @Test("TLS 1.3 as the minimum offers nothing else")
    func newest() async throws {
        let suites = try await suites {
            var options = TLSOptions()
            options.minimumVersion = .v1_3
            $0.security = .tls(options)
        }
        #expect(suites.contains(0x1301))
        // 0x00ff isn't a suite but a sign that renegotiation is safe.
        #expect(suites.allSatisfy { (0x1301...0x1305).contains($0) || $0 == 0x00ff })
    }

    @Test("Old suites are seen where somebody insists on them")
    func old() async throws {
        let suites = try await suites {
            $0.security = .tls()
            $0.properties["ssl.cipher.suites"] = "ALL:@SECLEVEL=0"
        }
        #expect(suites.contains(where: isOld))
    }
}
