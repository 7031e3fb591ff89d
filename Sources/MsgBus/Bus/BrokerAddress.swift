/// A broker's host and port, checked.
///
/// librdkafka itself takes almost anything: `localhost:99999` becomes port 34463 and `host:abc` port 0.
struct BrokerAddress: Hashable, CustomStringConvertible {
    let host: String
    let port: Int

    init(host: String, port: Int) throws(MsgBusError) {
        guard (1...65535).contains(port) else {
            throw Self.error("the port \(port) of host \"\(host)\" is not within 1...65535")
        }
        var name = Substring(host)
        if name.hasPrefix("["), name.hasSuffix("]") { name = name.dropFirst().dropLast() }
        guard !name.isEmpty else { throw Self.error("the host is empty: name one, for example \"localhost\"") }
        let isIPv6 = name.contains(":")
        guard name.utf8.allSatisfy({ Self.isLegal($0, inIPv6: isIPv6) }) else {
            throw Self.error("the host \"\(host)\" has a character that no host name or address has")
        }
        self.host = String(name)
        self.port = port
    }

    /// Takes `host`, `host:port`, `tcp://host:port`, `[IPv6]`, `[IPv6]:port` and a bare IPv6 address.
    init(parsing text: String, defaultPort: Int) throws(MsgBusError) {
        var rest = Substring(text)
        if let scheme = rest.firstRange(of: "://") {
            guard rest[..<scheme.lowerBound] == "tcp" else {
                throw Self.error(
                    "the broker \"\(text)\" has the scheme \"\(rest[..<scheme.lowerBound])\": write host:port or tcp://host:port"
                )
            }
            rest = rest[scheme.upperBound...]
        }
        let host: Substring
        let port: Substring?
        if rest.hasPrefix("["), let end = rest.firstIndex(of: "]") {
            host = rest[...end]
            let tail = rest[rest.index(after: end)...]
            guard tail.isEmpty || tail.hasPrefix(":") else { throw Self.malformed(text) }
            port = tail.isEmpty ? nil : tail.dropFirst()
        } else if let colon = rest.firstIndex(of: ":"), rest.lastIndex(of: ":") == colon {
            host = rest[..<colon]
            port = rest[rest.index(after: colon)...]
        } else {
            host = rest
            port = nil
        }
        guard let port else {
            try self.init(host: String(host), port: defaultPort)
            return
        }
        // Int.init would take "+1" too.
        guard !port.isEmpty, port.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let number = Int(port)
        else { throw Self.malformed(text) }
        try self.init(host: String(host), port: number)
    }

    var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    private static func isLegal(_ byte: UInt8, inIPv6: Bool) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        case UInt8(ascii: ":"), UInt8(ascii: "%"):
            inIPv6
        default:
            false
        }
    }

    private static func malformed(_ text: String) -> MsgBusError {
        error("the broker \"\(text)\" is not host:port, tcp://host:port or [IPv6]:port")
    }

    private static func error(_ message: String) -> MsgBusError { MsgBusError(.configuration, message) }
}
