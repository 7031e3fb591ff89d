import MsgBus

let broker = try EmbeddedBroker()
try broker.createTopic("greetings", partitions: 4)
let reader = try await KafkaReader.connect(broker.config(topic: "greetings", direction: .reader))
let writer = try await KafkaWriter.connect(broker.config(topic: "greetings", direction: .writer))
let clock = ContinuousClock()
print("connected")
let d = try await writer.write("Hello, bus", key: "k", headers: ["trace": "abc"])
print(d)
let m = try await reader.read()
print(m, try m.text, m.headers, m.key as Any, m.timestamp as Any)
var t = clock.now
for _ in 0..<1000 { try await writer.write("x") }
print("1000 acked", clock.now - t)
t = clock.now
let results = try await writer.write(contentsOf: (0..<50000).map { OutgoingMessage("message \($0)") })
print("batch", clock.now - t, results.filter { if case .success = $0 { true } else { false } }.count)
t = clock.now
var n = 0
for try await _ in reader.messages {
    n += 1
    if n == 51000 { break }
}
print("read", n, clock.now - t)
t = clock.now
print(await writer.close(), clock.now - t)
t = clock.now
await reader.close()
print("closed", clock.now - t, reader.status(), writer.status())
