import Foundation

/// What the librdkafka that runs can do.
package enum LibraryFacts {
    /// Its version as librdkafka writes it, `0xMMmmrrxx`.
    package static let version: Int = {
        guard let symbol = dlsym(nil, "rd_kafka_version") else { return 0 }
        typealias Version = @convention(c) () -> Int32
        return Int(unsafeBitCast(symbol, to: Version.self)())
    }()

    package static var isCooperativeSafe: Bool { version >= 0x0206_01ff }
}
