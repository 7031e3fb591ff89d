internal import CRdKafka
internal import Dispatch
internal import Synchronization

/// A `rd_kafka_t` that administers: it joins no group and has no topic.
///
/// Requests take no thread while they wait: their answers come by a queue that wakes the poll loop. What librdkafka only has as
/// blocking calls is made on `work`, in slices, between which others get their turn.
final class AdminClient: Sendable {
    /// Somebody who waits.
    private struct Call {
        var answer: @Sendable (OpaquePointer) -> Void = { _ in }
        let fail: @Sendable (MsgBusError) -> Void
    }

    private struct Waiting {
        var last: UInt = 0
        var calls: [UInt: Call] = [:]
        var isClosed = false
    }

    let client: KafkaClient
    private let answers: CHandle
    private let waiting = Mutex(Waiting())
    private let closed = OneShot<Void>()

    init(_ client: KafkaClient) {
        self.client = client
        answers = CHandle(rd_kafka_queue_new(client.handle.pointer)!)
        client.watch(answers, .messages)
        // Strongly: nothing is left of this when the client is destroyed.
        client.setHandlers(KafkaClient.Handlers(messages: { [self] in takeAnswers() }))
    }

    private func takeAnswers() {
        while let event = rd_kafka_queue_poll(answers.pointer, 0) {
            let id = AdminRequest<Void>.id(of: event)
            waiting.withLock { $0.calls.removeValue(forKey: id) }?.answer(event)
            rd_kafka_event_destroy(event)
        }
    }

    // MARK: Asking

    /// Makes a request and waits for its answer.
    ///
    /// - Throws: What the answer says; `.timeout`, `.cancelled`, `.closed`. Then the request may be carried out all the same.
    func answer<Answer>(
        to request: AdminRequest<Answer>,
        by deadline: Moment
    ) async throws(MsgBusError) -> Answer {
        let answer = OneShot<Result<Answer, MsgBusError>>()
        let id = try enter(answer) { @Sendable event in
            do throws(MsgBusError) {
                answer.resolve(.success(try request.answer(event)))
            } catch {
                answer.resolve(.failure(error))
            }
        }
        // A late answer finds nobody.
        defer { leave(id) }
        client.work.async { @Sendable [self] in
            guard !client.isClosed, answer.valueIfDone == nil else { return }
            // librdkafka says what it waited for in vain, if it is a little faster than we are.
            let left = Moment.now.duration(to: deadline)
            request.send(client.handle, answers: answers, id: id, within: left - min(left / 10, .milliseconds(100)))
        }
        return try await value(of: answer, request.context, by: deadline)
    }

    /// Makes a blocking call until it has worked, has failed for good, or the time is over.
    ///
    /// - Parameters:
    ///   - context: What can't be done if it fails: the beginning of a sentence.
    ///   - deadline: Until when.
    ///   - body: The call, with the time that it may take.
    /// - Throws: What the call throws; `.timeout`, `.cancelled`, `.closed`.
    func ask<Answer: Sendable>(
        _ context: String,
        by deadline: Moment,
        _ body: @escaping @Sendable (KafkaClient, Duration) throws(MsgBusError) -> Answer
    ) async throws(MsgBusError) -> Answer {
        var slice = Duration.seconds(1)
        while true {
            let answer = OneShot<Result<Answer, MsgBusError>>()
            let id = try enter(answer)
            defer { leave(id) }
            client.work.async { @Sendable [self, slice] in
                guard !client.isClosed, answer.valueIfDone == nil else { return }
                let left = max(.milliseconds(1), Moment.now.duration(to: deadline))
                do throws(MsgBusError) {
                    answer.resolve(.success(try body(client, min(slice, left))))
                } catch {
                    answer.resolve(.failure(error))
                }
            }
            do throws(MsgBusError) {
                return try await value(of: answer, context, by: deadline)
            } catch {
                let isOver = Moment.now + .milliseconds(20) >= deadline
                guard error.isRetriable, !isOver, !client.isClosed else { throw error.within(context) }
            }
            slice = min(slice * 2, .seconds(4))
            try await pause(.milliseconds(20))
        }
    }

    /// Has a close answer, too.
    private func enter<Answer>(
        _ answer: OneShot<Result<Answer, MsgBusError>>,
        _ take: @escaping @Sendable (OpaquePointer) -> Void = { _ in }
    ) throws(MsgBusError) -> UInt {
        let id: UInt? = waiting.withLock { waiting in
            guard !waiting.isClosed else { return nil }
            waiting.last += 1
            waiting.calls[waiting.last] = Call(answer: take) { @Sendable in answer.resolve(.failure($0)) }
            return waiting.last
        }
        guard let id else { throw MsgBusError(.closed, "the connection is closed") }
        return id
    }

    private func leave(_ id: UInt) { waiting.withLock { _ = $0.calls.removeValue(forKey: id) } }

    /// Waits for an answer, but not longer than until the deadline, a cancellation or the close.
    private func value<Answer: Sendable>(
        of answer: OneShot<Result<Answer, MsgBusError>>,
        _ context: String,
        by deadline: Moment
    ) async throws(MsgBusError) -> Answer {
        answer.resolve(at: deadline, on: client.loop.queue) { [connection = client.connection] in
            .failure(Self.late(context, connection))
        }
        let result = await withTaskCancellationHandler {
            await answer.value()
        } onCancel: {
            answer.resolve(.failure(Self.cancelled))
        }
        return try result.get()
    }

    /// That nobody has answered until the deadline, and why, as far as the connection knows.
    func late(_ context: String) -> MsgBusError { Self.late(context, client.connection) }

    private static func late(_ context: String, _ connection: ConnectionMonitor) -> MsgBusError {
        let reason = connection.isSuspect ? connection.cause.map { ": \($0.message)" } ?? "" : ""
        return MsgBusError(.timeout, "\(context): no answer in time\(reason)", isRetriable: true)
    }

    /// Waits a moment before something is looked at again.
    func pause(_ time: Duration) async throws(MsgBusError) {
        do {
            try await Task.sleep(for: time)
        } catch {
            throw Self.cancelled
        }
    }

    private static let cancelled = MsgBusError(
        .cancelled,
        "the task was cancelled; what it asked for may be done all the same"
    )

    // MARK: Close

    var isClosed: Bool { waiting.withLock { $0.isClosed } }

    /// Ends every call with `.closed`, and frees everything.
    func close() -> OneShot<Void> {
        let calls: [Call]? = waiting.withLock { waiting in
            guard !waiting.isClosed else { return nil }
            waiting.isClosed = true
            defer { waiting.calls = [:] }
            return Array(waiting.calls.values)
        }
        guard let calls else { return closed }
        client.beginClose()
        let reason = MsgBusError(.closed, "the connection is being closed; what was asked for may be done all the same")
        for call in calls { call.fail(reason) }
        // Behind what is just being asked there.
        client.work.async { @Sendable [self] in
            client.destroy(isClean: false)
            closed.resolve(())
        }
        return closed
    }
}

extension MsgBusError {
    /// The same error, with what couldn't be done, unless it says so itself.
    fileprivate func within(_ context: String) -> MsgBusError {
        guard code != .cancelled, code != .closed, !message.hasPrefix(context) else { return self }
        var error = self
        error.message = "\(context): \(message)"
        return error
    }
}
