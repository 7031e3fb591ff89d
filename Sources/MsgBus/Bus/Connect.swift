/// Connects to a topic, as ``MsgBusConfig`` says, and blocks until that is done.
///
/// It returns only when a broker has answered for the topic; a reader misses nothing that is sent from then on.
///
/// - Parameter config: The topic, the direction, the brokers, and all else.
/// - Returns: A ``KafkaWriter`` or a ``KafkaReader``, by the configuration's direction.
/// - Throws: `.configuration` for what can be seen to be wrong before anything is sent; what is final at once, as a wrong password
///   or an expired certificate; otherwise, at the latest after
///   ``MsgBusConfig/connectTimeout``, an error that names the cause: `.transport`, `.tls`, `.authentication`,
///   `.unknownTopic`, `.timeout`.
@available(*, noasync, message: "use `await KafkaWriter.connect(_:)` or `await KafkaReader.connect(_:)` in a task")
public func connect(_ config: MsgBusConfig) throws(MsgBusError) -> any MsgBusIO {
    switch config.direction {
    case .writer: try KafkaWriter(config)
    case .reader: try KafkaReader(config)
    }
}
