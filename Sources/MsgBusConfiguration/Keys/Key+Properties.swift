internal import MsgBus

extension Key {
    /// The properties of librdkafka that it stands for. It counts more than those of a source that counts less; those of its own source,
    /// which are applied last, count more than it.
    var properties: [String] { Self.propertiesByKey[name] ?? [] }

    /// Those of which `security.protocol` says whether they are used.
    var isAboutTLS: Bool { name.hasPrefix("tls.") }
    var isAboutLogin: Bool { name.hasPrefix("sasl.") }

    /// Whether what is in it are properties of librdkafka.
    var hasProperties: Bool { name == "properties" || name.hasSuffix(".properties") }

    /// The property that decides, if the user sets it, and may be shown for it. The buffer's limits aren't librdkafka's alone; and a
    /// secret must not appear as the path of its file.
    var decidingProperty: String? {
        if let property { return property.name }
        return isAboutTLS || isAboutLogin || name.hasPrefix("writer.buffer_") ? nil : properties.first
    }

    /// A property's value as a value of this key.
    func value(ofProperty value: String) -> String? {
        let name = decidingProperty ?? ""
        let unit = name.hasSuffix(".ms") ? "ms" : name.hasSuffix(".kbytes") ? "KiB" : ""
        let tree = Tree(content: .scalar(Scalar(text: value + unit, kind: .text)), place: Place(name: name))
        return canonical?(tree) ?? value
    }

    private static let propertiesByKey: [String: [String]] = [
        "statistics_interval": ["statistics.interval.ms"],
        "tls.ca_file": ["ssl.ca.location", "ssl.ca.pem"],
        "tls.ca_pem": ["ssl.ca.location", "ssl.ca.pem"],
        "tls.cert_file": ["ssl.certificate.location", "ssl.certificate.pem"],
        "tls.cert_pem": ["ssl.certificate.location", "ssl.certificate.pem"],
        "tls.key_file": ["ssl.key.location", "ssl.key.pem"],
        "tls.key_pem": ["ssl.key.location", "ssl.key.pem"],
        "tls.key_password": ["ssl.key.password"],
        "tls.key_password_file": ["ssl.key.password"],
        "tls.verify_host_name": ["ssl.endpoint.identification.algorithm"],
        "tls.skip_verify": ["enable.ssl.certificate.verification"],
        "tls.minimum_version": ["ssl.cipher.suites"],
        "sasl.mechanism": ["sasl.mechanism"],
        "sasl.username": ["sasl.username"],
        "sasl.password": ["sasl.password"],
        "sasl.password_file": ["sasl.password"],
        "sasl.kerberos_service": ["sasl.kerberos.service.name"],
        "sasl.kerberos_principal": ["sasl.kerberos.principal"],
        "sasl.kerberos_keytab": ["sasl.kerberos.keytab"],
        "writer.acks": ["acks"],
        "writer.idempotence": ["enable.idempotence"],
        "writer.delivery_timeout": ["delivery.timeout.ms"],
        "writer.linger": ["linger.ms"],
        "writer.compression": ["compression.type"],
        "writer.max_message_bytes": ["message.max.bytes"],
        "writer.buffer_messages": ["queue.buffering.max.messages"],
        "writer.buffer_bytes": ["queue.buffering.max.kbytes"],
        "writer.partitioner": ["partitioner"],
        "reader.assignor": ["partition.assignment.strategy"],
        "reader.group_instance_id": ["group.instance.id"],
        "reader.prefetch_bytes": ["queued.max.messages.kbytes"],
        "reader.partition_discovery_interval": ["topic.metadata.refresh.interval.ms"],
    ]
}

/// The names of librdkafka's properties, of which some have two.
enum PropertyName {
    /// The one of a property's names by which it is compared with others.
    static func first(of name: String) -> String { firstNames[name] ?? name }

    private static let firstNames = Dictionary(uniqueKeysWithValues: MsgBusConfig.secondNames.map { ($1, $0) })
}
