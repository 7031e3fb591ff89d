internal import CRdKafka

/// The librdkafka that runs, which may be newer than the one that was compiled against.
enum LibraryVersion {
    /// As `0xMMmmrrxx`: major, minor, revision, pre-release (0xff: none).
    static var number: Int { Int(rd_kafka_version()) }

    static var text: String { String(cString: rd_kafka_version_str()) }

    /// cooperative-sticky can abort, hang or spin before that (librdkafka #4381, #4528, #4800).
    static var isCooperativeSafe: Bool { number >= 0x0206_01ff }
}
