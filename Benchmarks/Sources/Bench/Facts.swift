import Foundation

/// What the figures were measured on.
enum Facts {
    static var all: [String] {
        var facts = [
            versions,
            "\(ProcessInfo.processInfo.activeProcessorCount) cores\(processor.map { " of \($0)" } ?? "")",
        ]
        if let load { facts.append("load average \(load) before") }
        return facts
    }

    static var versions: String { "librdkafka \(librdkafka), \(swift)" }

    private static var librdkafka: String {
        typealias Version = @convention(c) () -> UnsafePointer<CChar>
        guard let symbol = dlsym(nil, "rd_kafka_version_str") else { return "of unknown version" }
        return String(cString: unsafeBitCast(symbol, to: Version.self)())
    }

    private static var swift: String {
        let output = (try? Child.run(["swift", "--version"], quietly: true)) ?? ""
        return output.split(separator: "\n").first.map(String.init) ?? "Swift of unknown version"
    }

    private static var processor: String? {
        let lines = try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8).split(separator: "\n")
        let line = lines?.first { $0.hasPrefix("model name") }
        return line?.split(separator: ":").last?.trimmingCharacters(in: .whitespaces)
    }

    private static var load: String? {
        let text = try? String(contentsOfFile: "/proc/loadavg", encoding: .utf8)
        return text?.split(separator: " ").first.map(String.init)
    }

    /// Python's client; nil where it can't be loaded.
    static func python(_ folder: String) -> String? {
        let ask =
            "import confluent_kafka as c; print(f'confluent-kafka {c.__version__} with librdkafka {c.libversion()[0]}')"
        let output = try? Child.run(["env", "PYTHONPATH=\(folder)", "python3", "-c", ask], quietly: true)
        return output?.split(separator: "\n").first.map(String.init)
    }
}
