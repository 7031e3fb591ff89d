internal import CRdKafka

/// One of librdkafka's administrative requests: how it is sent, and how its answer is read.
struct AdminRequest<Answer: Sendable>: Sendable {
    /// What can't be done if it fails: the beginning of a sentence.
    let context: String
    /// Whether it goes to a group's coordinator.
    ///
    /// librdkafka 2.0.2 aborts the process if such a request's time is over before its coordinator could be reached, and it then is reached.
    /// So its time is never over: who asked gives up without it.
    var isForCoordinator = false
    /// Sends it; the answer comes to the queue given, as one event. Doesn't wait.
    let send: @Sendable (_ client: OpaquePointer, _ options: OpaquePointer?, _ answers: OpaquePointer) -> Void
    /// Reads the event of an answer, which carries no error as a whole.
    let read: @Sendable (_ event: OpaquePointer) throws(MsgBusError) -> Answer

    /// How long librdkafka lets a request take at the most; it refuses longer times.
    private static var longest: Int { 3_600_000 }

    /// Sends it. Doesn't wait.
    ///
    /// - Parameter id: What the event of the answer has for ``id(of:)``.
    func send(_ client: CHandle, answers: CHandle, id: UInt = 0, within time: Duration) {
        let options = rd_kafka_AdminOptions_new(client.pointer, RD_KAFKA_ADMIN_OP_ANY)
        defer { rd_kafka_AdminOptions_destroy(options) }
        let milliseconds = isForCoordinator ? Int32(Self.longest) : Int32(min(max(1, time.milliseconds), Self.longest))
        rd_kafka_AdminOptions_set_request_timeout(options, milliseconds, nil, 0)
        rd_kafka_AdminOptions_set_operation_timeout(options, milliseconds, nil, 0)
        rd_kafka_AdminOptions_set_opaque(options, UnsafeMutableRawPointer(bitPattern: id))
        send(client.pointer, options, answers.pointer)
    }

    static func id(of event: OpaquePointer) -> UInt { UInt(bitPattern: rd_kafka_event_opaque(event)) }

    /// Reads the event of an answer.
    func answer(_ event: OpaquePointer) throws(MsgBusError) -> Answer {
        let code = rd_kafka_event_error(event)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
            let reason = rd_kafka_event_error_string(event).map { String(cString: $0) }
            throw MsgBusError(kafka: code, context, reason: reason)
        }
        return try read(event)
    }
}

extension KafkaClient {
    /// Makes a request and waits for its answer. Blocks; only while connecting.
    func answer<Answer>(to request: AdminRequest<Answer>, within time: Duration) throws(MsgBusError) -> Answer {
        let answers = CHandle(rd_kafka_queue_new(handle.pointer)!)
        defer { rd_kafka_queue_destroy(answers.pointer) }
        request.send(handle, answers: answers, within: time)
        guard let event = rd_kafka_queue_poll(answers.pointer, Int32(time.milliseconds)) else {
            throw MsgBusError(.timeout, "\(request.context): no answer within \(time)", isRetriable: true)
        }
        defer { rd_kafka_event_destroy(event) }
        return try request.answer(event)
    }
}

extension AdminRequest {
    /// What librdkafka says of several items, each with the item's name: some may be missing, and they may come in any order.
    struct Items<Item: Sendable>: Sendable {
        private var items: [String: Result<Item, MsgBusError>] = [:]

        mutating func set(_ name: String, _ result: Result<Item, MsgBusError>) { items[name] = result }

        /// In the order of the names; an error for a name of which nothing was said.
        func results(_ names: [String], _ context: String) -> [Result<Item, MsgBusError>] {
            names.map { name in
                items[name] ?? .failure(MsgBusError(.internal, "\(context): the answer says nothing of \"\(name)\""))
            }
        }
    }

    /// What an array of librdkafka's says, which may be missing and have holes.
    static func elements(
        _ array: UnsafeMutablePointer<OpaquePointer?>?,
        _ count: Int
    ) -> [OpaquePointer] {
        guard let array else { return [] }
        return (0..<count).compactMap { array[$0] }
    }
}

/// A text that librdkafka may not have.
func text(_ pointer: UnsafePointer<CChar>?) -> String? { pointer.map { String(cString: $0) } }

extension MsgBusError {
    /// The error that an object of librdkafka's carries; nil if it carries none. The object stays librdkafka's.
    static func carried(by error: OpaquePointer?, _ context: String, topic: String? = nil) -> MsgBusError? {
        guard let error, rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR_NO_ERROR else { return nil }
        return MsgBusError(
            kafka: rd_kafka_error_code(error),
            context,
            reason: text(rd_kafka_error_string(error)),
            topic: topic
        )
    }
}
