import Foundation

/// What this process holds right now. Linux only: it reads `/proc`.
package struct ProcessUsage: CustomStringConvertible {
    package var threads: Int
    /// Of them, librdkafka's.
    package var clientThreads: Int
    package var descriptors: Int
    package var residentBytes: Int

    package static var isKnown: Bool { FileManager.default.fileExists(atPath: "/proc/self/status") }

    package static var current: ProcessUsage {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        func field(_ name: String) -> Int {
            let line = status.split(separator: "\n").first { $0.hasPrefix(name + ":") }
            return line.flatMap { $0.split(whereSeparator: { !$0.isNumber }).first.flatMap { Int($0) } } ?? 0
        }
        let files = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
        let tasks = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? []
        let names = tasks.compactMap { try? String(contentsOfFile: "/proc/self/task/\($0)/comm", encoding: .utf8) }
        return ProcessUsage(
            threads: field("Threads"),
            clientThreads: names.count { $0.hasPrefix("rdk:") },
            descriptors: files.count,
            residentBytes: field("VmRSS") * 1024
        )
    }

    package var description: String {
        "\(threads) threads, \(descriptors) descriptors, \(residentBytes >> 20) MiB"
    }
}
