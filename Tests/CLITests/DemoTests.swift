import Testing

@Suite("msgbus demo is a tour that needs nothing")
struct DemoTests {
    @Test("it shows the three ways to read, and all messages arrive")
    func tour() async throws {
        let demo = try await Tool.run("demo")
        #expect(demo.status == 0)
        #expect(demo.errors.isEmpty)
        let ways = ["Blocking", "Callback", "Async sequence"]
        let steps = demo.lines.filter { line in ways.contains { line.contains(". \($0)") } }
        #expect(steps.count == ways.count)
        for text in ["Good morning", "Guten Morgen", "Buongiorno"] { #expect(demo.text.contains(text)) }
        #expect(demo.lines.count { $0.contains(/greetings\/\d@\d+/) } == 6)
    }
}
