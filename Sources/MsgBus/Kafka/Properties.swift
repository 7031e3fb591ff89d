internal import CRdKafka

/// librdkafka's settings for one client, in the order in which they are applied: the last one counts.
struct Properties {
    /// Where a setting comes from, which decides what happens when librdkafka doesn't know it.
    enum Origin {
        /// A default of ours that an older librdkafka may lack.
        case optional
        /// A typed option.
        case typed
        /// The user's own words.
        case user
    }

    private(set) var entries: [(name: String, value: String, origin: Origin)] = []

    /// Where OAUTHBEARER's tokens come from.
    var tokenProvider: OAuthProvider?

    mutating func set(_ name: String, _ value: String) { entries.append((name, value, .typed)) }

    mutating func set(_ name: String, _ value: Int) { set(name, String(value)) }

    mutating func set(_ name: String, _ value: Bool) { set(name, value ? "true" : "false") }

    mutating func set(_ name: String, _ value: Duration) { set(name, value.milliseconds) }

    /// Sets it where the running librdkafka has it.
    mutating func setIfKnown(_ name: String, _ value: String) { entries.append((name, value, .optional)) }

    /// Adds the user's properties; those that this library owns are refused.
    mutating func add(_ properties: [String: String]) throws(MsgBusError) {
        for (alias, name) in MsgBusConfig.secondNames {
            guard let value = properties[alias], let other = properties[name], value != other else { continue }
            throw MsgBusError(
                .configuration,
                "\"\(alias)\" and \"\(name)\" are two names of one property, and have different values: set one of them"
            )
        }
        // Sorted, so that of two errors it is always the same one that is reported.
        for (name, value) in properties.sorted(by: { $0.key < $1.key }) {
            if let reason = Self.owned[name] {
                throw MsgBusError(.configuration, "the property \"\(name)\" can't be set: \(reason)")
            }
            guard !name.utf8.contains(0), !value.utf8.contains(0) else {
                throw MsgBusError(.configuration, "the property \"\(name)\" has a NUL in its name or value")
            }
            entries.append((name, value, .user))
        }
    }

    /// What this library sets by itself, and what to do instead.
    private static let owned: [String: String] = {
        let lifecycle = "this library works with its own value"
        return [
            "bootstrap.servers": "set MsgBusConfig.brokers",
            "metadata.broker.list": "set MsgBusConfig.brokers",
            "group.id": "set MsgBusConfig.groupID",
            "enable.auto.commit": "commits follow the acknowledgements, see ReaderOptions.ackMode and .commitInterval",
            "auto.commit.interval.ms": "set ReaderOptions.commitInterval",
            "enable.auto.offset.store": "offsets follow the acknowledgements, see ReaderOptions.ackMode",
            "auto.commit.enable": "commits follow the acknowledgements, see ReaderOptions.ackMode",
            "auto.offset.reset": "set ReaderOptions.startFrom",
            "isolation.level": "set ReaderOptions.isolation",
            "transactional.id": "set WriterOptions.transactionalID",
            "transaction.timeout.ms": "set WriterOptions.transactionTimeout",
            "enable.partition.eof": lifecycle,
            "delivery.report.only.error": lifecycle,
            "enabled_events": lifecycle,
            "log.queue": "log lines go to setLogger(_:)",
            "opaque": lifecycle,
            "log_cb": lifecycle, "error_cb": lifecycle, "throttle_cb": lifecycle, "stats_cb": lifecycle,
            "dr_cb": lifecycle, "dr_msg_cb": lifecycle, "rebalance_cb": lifecycle, "offset_commit_cb": lifecycle,
            "consume_cb": lifecycle, "background_event_cb": lifecycle, "socket_cb": lifecycle, "connect_cb": lifecycle,
            "closesocket_cb": lifecycle, "open_cb": lifecycle, "resolve_cb": lifecycle,
            "oauthbearer_token_refresh_cb": lifecycle, "ssl.certificate.verify_cb": lifecycle,
            "default_topic_conf": lifecycle, "interceptors": lifecycle,
            "plugin.library.paths": "plug-ins free memory twice before librdkafka 2.13 (its issue 4142)",
        ]
    }()

    /// The value that librdkafka works with, which may be the user's, ours or its own.
    func effectiveValue(of name: String) throws(MsgBusError) -> String? {
        try makeConfiguration().value(of: name)
    }

    /// Makes librdkafka's configuration object.
    func makeConfiguration() throws(MsgBusError) -> Configuration {
        let configuration = Configuration()
        for entry in entries {
            let (result, reason) = configuration.set(entry.name, entry.value)
            switch result {
            case RD_KAFKA_CONF_OK:
                continue
            case RD_KAFKA_CONF_UNKNOWN where entry.origin == .optional:
                continue
            case RD_KAFKA_CONF_UNKNOWN:
                let hint =
                    Spelling.nearest(to: entry.name, in: configuration.names).map { "; did you mean \"\($0)\"?" } ?? ""
                throw MsgBusError(
                    .configuration,
                    "librdkafka \(LibraryVersion.text) has no property \"\(entry.name)\"\(hint)"
                )
            default:
                throw MsgBusError(.configuration, Self.complaint(entry.name, entry.value, reason))
            }
        }
        return configuration
    }

    /// Makes a client, having looked at the files that it needs.
    func makeClient(_ type: rd_kafka_type_t, _ configuration: consuming Configuration) throws(MsgBusError) -> CHandle {
        let checked = try CredentialCheck(configuration).checked()
        // Older versions take only the first certificate out of a text, so that what is between it and its authority is missing.
        guard LibraryVersion.number < 0x0208_00ff, let chain = checked.value(of: "ssl.certificate.pem"),
            chain.ranges(of: "-----BEGIN CERTIFICATE-----").count > 1
        else { return try makeCheckedClient(type, checked) }
        let path = try FileText.temporaryFile(chain)
        defer { FileText.remove(path) }
        _ = checked.set("ssl.certificate.location", path)
        return try makeCheckedClient(type, checked)
    }

    private func makeCheckedClient(
        _ type: rd_kafka_type_t,
        _ configuration: consuming Configuration
    ) throws(MsgBusError) -> CHandle {
        do throws(MsgBusError) {
            return try configuration.makeClient(type)
        } catch {
            // The configuration is gone, and another one says the same.
            let configuration = try makeConfiguration()
            throw error.explainedAsCredential { configuration.value(of: $0) }
        }
    }

    /// The value is shown unless it may be a secret.
    private static func complaint(_ name: String, _ value: String, _ reason: String) -> String {
        guard !Secret.isName(ofSecret: name) else {
            return "the property \"\(name)\" has a value that librdkafka refuses"
        }
        return "the property \"\(name)\" can't be \"\(value)\": \(reason)"
    }
}

/// librdkafka's configuration object. It is freed here unless a client took it over.
struct Configuration: ~Copyable {
    private let pointer: OpaquePointer

    init() { pointer = rd_kafka_conf_new() }

    deinit { rd_kafka_conf_destroy(pointer) }

    func set(_ name: String, _ value: String) -> (result: rd_kafka_conf_res_t, reason: String) {
        withErrorText { text, size in rd_kafka_conf_set(pointer, name, value, text, size) }
    }

    /// Has a function called with OpenSSL's verdict on each certificate, and this context.
    func setCertificateCheck(
        _ context: UnsafeMutableRawPointer,
        _ check:
            @escaping @convention(c) (
                OpaquePointer?, UnsafePointer<CChar>?, Int32, UnsafeMutablePointer<Int32>?, Int32,
                UnsafePointer<CChar>?, Int, UnsafeMutablePointer<CChar>?, Int, UnsafeMutableRawPointer?
            ) -> Int32
    ) {
        rd_kafka_conf_set_opaque(pointer, context)
        // A librdkafka without TLS refuses it, and then all that has to do with TLS.
        _ = rd_kafka_conf_set_ssl_cert_verify_cb(pointer, check)
    }

    func setEvents(_ events: Int32) { rd_kafka_conf_set_events(pointer, events) }

    /// The value in force, nil for an unknown name.
    func value(of name: String) -> String? {
        var size = 0
        guard rd_kafka_conf_get(pointer, name, nil, &size) == RD_KAFKA_CONF_OK else { return nil }
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: max(size, 1)) { buffer in
            guard rd_kafka_conf_get(pointer, name, buffer.baseAddress, &size) == RD_KAFKA_CONF_OK else { return nil }
            return String(cString: buffer.baseAddress!)
        }
    }

    /// The names of all properties that this librdkafka knows.
    var names: [String] {
        let topicConfiguration = rd_kafka_topic_conf_new()
        defer { rd_kafka_topic_conf_destroy(topicConfiguration) }
        return Array(Self.settings { rd_kafka_conf_dump(pointer, &$0) }.keys)
            + Self.settings { rd_kafka_topic_conf_dump(topicConfiguration, &$0) }.keys
            // librdkafka lists properties by their first names only.
            + MsgBusConfig.secondNames.map(\.0).filter { value(of: $0) != nil } + [
                "acks", "delivery.timeout.ms", "bootstrap.servers",
            ]
    }

    /// All properties of clients and topics with their values, by their first names; not those that are addresses in memory.
    var settings: [String: String] {
        var settings = Self.settings { rd_kafka_conf_dump(pointer, &$0) }
        // librdkafka makes the settings for topics when the first one is set.
        let own = rd_kafka_conf_get_default_topic_conf(pointer)
        let topicConfiguration = own ?? rd_kafka_topic_conf_new()
        defer { if own == nil { rd_kafka_topic_conf_destroy(topicConfiguration) } }
        settings.merge(Self.settings { rd_kafka_topic_conf_dump(topicConfiguration, &$0) }) { $1 }
        return settings.filter {
            !$0.key.hasSuffix("_cb") && !["opaque", "default_topic_conf", "interceptors"].contains($0.key)
        }
    }

    private static func settings(
        _ dump: (inout Int) -> UnsafeMutablePointer<UnsafePointer<CChar>?>?
    ) -> [String: String] {
        var count = 0
        guard let pairs = dump(&count) else { return [:] }
        defer { rd_kafka_conf_dump_free(pairs, count) }
        var settings: [String: String] = [:]
        for index in stride(from: 0, to: count - 1, by: 2) {
            guard let name = pairs[index], let value = pairs[index + 1] else { continue }
            settings[String(cString: name)] = String(cString: value)
        }
        return settings
    }

    /// Makes the client. librdkafka owns the configuration only once that has worked.
    consuming func makeClient(_ type: rd_kafka_type_t) throws(MsgBusError) -> CHandle {
        let (client, reason) = withErrorText { text, size in CHandle(rd_kafka_new(type, pointer, text, size)) }
        guard let client else {
            _ = consume self
            throw MsgBusError(.configuration, "librdkafka refuses the settings: \(reason)")
        }
        discard self
        return client
    }

    private func withErrorText<Result>(
        _ body: (UnsafeMutablePointer<CChar>, Int) -> Result
    ) -> (Result, String) {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 512) { buffer in
            buffer.initialize(repeating: 0)
            let result = body(buffer.baseAddress!, buffer.count)
            return (result, String(cString: buffer.baseAddress!))
        }
    }
}

extension MsgBusConfig {
    /// Second names, in the order of the alphabet, of properties that aren't owned; librdkafka takes the last value that it gets by either.
    package static let secondNames = [
        ("acks", "request.required.acks"),
        ("compression.type", "compression.codec"),
        ("delivery.timeout.ms", "message.timeout.ms"),
        ("linger.ms", "queue.buffering.max.ms"),
        ("max.in.flight", "max.in.flight.requests.per.connection"),
        ("max.partition.fetch.bytes", "fetch.message.max.bytes"),
        ("retries", "message.send.max.retries"),
        ("sasl.mechanism", "sasl.mechanisms"),
        ("sasl.oauthbearer.client.credentials.client.id", "sasl.oauthbearer.client.id"),
        ("sasl.oauthbearer.client.credentials.client.secret", "sasl.oauthbearer.client.secret"),
    ]
}
