/// What Valgrind's callgrind writes.
enum Callgrind {
    /// How many instructions ran in the code of each object: each executable and each library.
    static func instructions(_ file: String) -> [String: Double] {
        var names: [Substring: String] = [:]
        var costs: [String: Double] = [:]
        var object = ""
        var isCall = false
        for line in file.utf8.split(separator: UInt8(ascii: "\n")).map(Substring.init) {
            if line.hasPrefix("ob=") {
                // "(3) /lib/a.so" the first time, "(3)" from then on.
                let parts = line.dropFirst(3).split(separator: " ", maxSplits: 1)
                if parts.count == 2 { names[parts[0]] = String(parts[1]) }
                object = names[parts[0]] ?? ""
            } else if line.hasPrefix("cob=") {
                let parts = line.dropFirst(4).split(separator: " ", maxSplits: 1)
                if parts.count == 2 { names[parts[0]] = String(parts[1]) }
            } else if line.hasPrefix("calls=") {
                isCall = true
            } else if let first = line.utf8.first, first < UInt8(ascii: "a"), first != UInt8(ascii: "#") {
                // "+3 17": at a line, so many. The line behind a call has the cost of what was called, which is counted there.
                if !isCall, let cost = line.split(separator: " ").dropFirst().first.flatMap({ Double($0) }) {
                    costs[object, default: 0] += cost
                }
                isCall = false
            }
        }
        return costs
    }
}
