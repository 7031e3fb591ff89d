internal import CRdKafka

/// Why one of librdkafka's calls about transactions didn't work, and what has to be done about it.
struct TransactionFailure: Sendable {
    enum Remedy: Sendable {
        /// The same call again. It may be going on meanwhile, and no other call is allowed until it has ended.
        case again
        /// The transaction can only be aborted.
        case abort
        /// Nothing: the client can't go on.
        case none
    }

    let error: MsgBusError
    let remedy: Remedy
}

extension ProducerClient {
    /// Gets the transactional id from the cluster; every older client with it is fenced off, and its transaction aborted.
    ///
    /// Blocks; only while connecting.
    func initTransactions(within time: Duration) -> TransactionFailure? {
        failure(rd_kafka_init_transactions(client.handle.pointer, Int32(time.milliseconds)))
    }

    /// Begins a transaction. Doesn't wait for the cluster.
    func beginTransaction() -> TransactionFailure? {
        failure(rd_kafka_begin_transaction(client.handle.pointer))
    }

    /// Commits what was written and what ``sendOffsets(_:of:within:)`` sent. Blocks; only on `work`.
    func commitTransaction(within time: Duration) -> TransactionFailure? {
        failure(rd_kafka_commit_transaction(client.handle.pointer, Int32(time.milliseconds)))
    }

    /// Takes everything back; what wasn't sent is purged. Blocks; only on `work`.
    func abortTransaction(within time: Duration) -> TransactionFailure? {
        failure(rd_kafka_abort_transaction(client.handle.pointer, Int32(time.milliseconds)))
    }

    /// Makes offsets of a group, each that of the next message to read, part of the transaction. Blocks; only on `work`.
    func sendOffsets(
        _ offsets: [TopicPartition: Int64],
        of group: GroupMetadata,
        within time: Duration
    ) -> TransactionFailure? {
        let list = PartitionList(offsets)
        return failure(
            rd_kafka_send_offsets_to_transaction(
                client.handle.pointer,
                list.pointer,
                group.handle.pointer,
                Int32(time.milliseconds)
            )
        )
    }

    /// What made the open transaction fail; nil if nothing has.
    ///
    /// Only the calls say it, and to begin once more is the one that changes nothing whatever its answer.
    func transactionFailure() -> TransactionFailure? {
        guard let failure = beginTransaction(), failure.error.code != .state else { return nil }
        return failure
    }

    /// In the order in which librdkafka wants the questions asked. What answers none of them is for good.
    private func failure(_ error: OpaquePointer?) -> TransactionFailure? {
        guard let error else { return nil }
        defer { rd_kafka_error_destroy(error) }
        var reason = MsgBusError(
            kafka: rd_kafka_error_code(error),
            reason: rd_kafka_error_string(error).map { String(cString: $0) },
            topic: topic
        )
        if rd_kafka_error_is_fatal(error) != 0 {
            return TransactionFailure(error: client.fatalError ?? reason.asFatal, remedy: .none)
        }
        if rd_kafka_error_txn_requires_abort(error) != 0 { return TransactionFailure(error: reason, remedy: .abort) }
        if rd_kafka_error_is_retriable(error) != 0 {
            reason.isRetriable = true
            return TransactionFailure(error: reason, remedy: .again)
        }
        return TransactionFailure(error: reason, remedy: .none)
    }
}

extension KafkaClient {
    /// What made the client unusable, if something did.
    var fatalError: MsgBusError? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 512) { text in
            let code = rd_kafka_fatal_error(handle.pointer, text.baseAddress, text.count)
            guard code != RD_KAFKA_RESP_ERR_NO_ERROR else { return nil }
            return MsgBusError(kafka: code, reason: String(cString: text.baseAddress!)).asFatal
        }
    }
}

extension MsgBusError {
    /// The same error, as the one that ended a client.
    var asFatal: MsgBusError {
        var error = self
        if error.code == .fenced {
            error.message = "a newer instance with the same id took over, so this one can't go on: \(message)"
        } else {
            error.code = .fatal
        }
        error.isFatal = true
        error.isRetriable = false
        return error
    }
}
