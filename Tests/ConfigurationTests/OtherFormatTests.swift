import MsgBus
import MsgBusConfiguration
import Testing

@Suite("Files of the systems that came before")
struct OtherFormatTests {
    @Test("cn-infra's kafka.conf, with its group written in either way", arguments: ["group_id", "group-id"])
    func cnInfra(group: String) throws {
        try Folder.with { folder in
            let certificate = try folder.file("c.pem", "-----BEGIN CERTIFICATE-----")
            let key = try folder.file("k.pem", "-----BEGIN PRIVATE KEY-----")
            let text = """
                addrs: ["127.0.0.1:9092", "127.0.0.2:9092"]
                \(group): my-group
                tls: { enabled: true, skip-verify: false, cert-file: \(certificate), key-file: \(key), ca-file: \(certificate) }
                """
            let config = try configured(text, in: "kafka.conf")
            #expect(config.brokers == ["127.0.0.1:9092", "127.0.0.2:9092"])
            #expect(config.groupID == "my-group")
            var options = TLSOptions(certificateAuthorities: .file(certificate))
            options.clientCertificate = ClientCertificate(certificate: .file(certificate), key: .file(key))
            #expect(config.security == .tls(options))
            #expect(config.properties["enable.ssl.certificate.verification"] == nil)
        }
    }

    @Test("TLS that is switched off is off, whatever else is said of it")
    func off() throws {
        #expect(try configured("tls: {enabled: false, ca-file: ca.pem}", in: "kafka.conf").security == .plaintext)
    }

    @Test("CORTX's cluster.conf: all of its endpoints")
    func cluster() throws {
        let text = """
            cortx:
              external:
                kafka: { num_endpoints: 3, endpoints: ["tcp://kafka-0:9092", "tcp://kafka-1:9092", "kafka-2"] }
                consul: { endpoints: ["http://consul:8500"] }
              utils: { message_bus_backend: kafka, message_server_port: 28300 }
              common: { storage: { log: /etc/cortx/log } }
            cluster: { id: 0007ec45 }
            """
        let config = try configured(text, in: "cluster.conf")
        #expect(config.brokers == ["tcp://kafka-0:9092", "tcp://kafka-1:9092", "kafka-2"])
        #expect(
            try config.effectiveProperties().first { $0.name == "metadata.broker.list" }?.value
                == "kafka-0:9092,kafka-1:9092,kafka-2:9092"
        )
        let other = text.replacing("message_bus_backend: kafka", with: "message_bus_backend: rabbit")
        #expect(refusal(of: other, in: "cluster.conf").hasPrefix("cluster.conf:5:12: there is one technology"))
        let none = refusal(of: "cortx: {external: {kafka: {}}}", in: "cluster.conf")
        #expect(none.hasPrefix("cluster.conf:1:1: there is no key \"cortx.external.kafka.endpoints\""))
        let bad = text.replacing("tcp://kafka-1:9092", with: "http://kafka-1:9092")
        #expect(
            refusal(of: bad, in: "cluster.conf").hasPrefix(
                "cluster.conf:3:32: brokers: the broker \"http://kafka-1:9092\""
            )
        )
    }

    @Test("CORTX's message_bus.conf: all of its servers, and its times")
    func messageBus() throws {
        let text = """
            {
              "message_broker": {
                "type": "kafka",
                "cluster": [ { "server": "kafka-0", "port": "9092" }, { "server": "::1", "port": 9093 } ],
                "message_bus": { "receive_timeout": 2, "socket_timeout": 15000, "send_timeout": 5000, "admin_api_timeout": 60.0 }
              }
            }
            """
        let config = try configured(text, in: "message_bus.conf", .writer)
        #expect(config.brokers == ["kafka-0:9092", "[::1]:9093"])
        #expect(config.writer.deliveryTimeout == .seconds(5))
        #expect(config.properties["socket.timeout.ms"] == "15000")
        let typo = text.replacing("\"port\": 9093", with: "\"prt\": 9093")
        #expect(
            refusal(of: typo, in: "message_bus.conf").hasPrefix(
                "message_bus.conf:4:78: there is no key \"prt\"; did you mean \"port\"?"
            )
        )
        let soon = text.replacing("5000", with: "\"soon\"")
        #expect(refusal(of: soon, in: "message_bus.conf", .writer).hasPrefix("message_bus.conf:5:"))
        #expect(
            refusal(of: text.replacing("\"kafka\"", with: "\"rabbit\""), in: "x.conf").hasPrefix(
                "x.conf:3:5: there is one"
            )
        )
    }
}
