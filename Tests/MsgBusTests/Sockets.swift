#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// A listening socket of this process on a free port.
struct Listener {
    let descriptor: Int32
    let port: Int

    init(listening: Bool = true) throws {
        #if canImport(Darwin)
        let type = SOCK_STREAM
        #else
        let type = Int32(SOCK_STREAM.rawValue)
        #endif
        descriptor = socket(AF_INET, type, 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(descriptor, pointer, size) == 0 && (!listening || listen(descriptor, 100) == 0)
                    && getsockname(descriptor, pointer, &size) == 0
            }
        }
        struct Failure: Error { let number: Int32 }
        guard result else { throw Failure(number: errno) }
        port = Int(UInt16(bigEndian: address.sin_port))
    }
}

/// A port on which nobody listens. It stays bound as long as the tests run, for another test's broker might get it else.
enum ClosedPort {
    static func number() throws -> Int { try Listener(listening: false).port }
}

/// Accepts connections, in the kernel, and never says a word.
struct SilentPeer {
    private let listener: Listener
    var port: Int { listener.port }

    init() throws { listener = try Listener() }

    func close() {
        #if canImport(Darwin)
        Darwin.close(listener.descriptor)
        #else
        Glibc.close(listener.descriptor)
        #endif
    }
}
