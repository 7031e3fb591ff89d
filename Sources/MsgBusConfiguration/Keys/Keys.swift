internal import MsgBus

/// All keys, and how they are found.
struct Keys: Sendable {
    static let all = Keys(Key.connection + Key.security + Key.writer + Key.reader)

    let list: [Key]
    private let byFoldedName: [String: Key]
    private let byVariable: [String: Key]
    private let blocks: Set<String>

    init(_ list: [Key]) {
        self.list = list
        var byFoldedName: [String: Key] = [:]
        var byVariable: [String: Key] = [:]
        var blocks: Set<String> = []
        for key in list {
            for name in [key.name] + key.aliases { byFoldedName[Self.fold(name)] = key }
            byVariable[Self.fold(key.variable)] = key
            var parts = key.name.split(separator: ".").dropLast()
            while !parts.isEmpty {
                blocks.insert(Self.fold(parts.joined(separator: ".")))
                parts = parts.dropLast()
            }
        }
        self.byFoldedName = byFoldedName
        self.byVariable = byVariable
        self.blocks = blocks
    }

    /// `group_id`, `group-id` and `groupID` are one key.
    private static func fold(_ name: String) -> String {
        name.lowercased().filter { $0 != "_" && $0 != "-" }
    }

    func find(_ name: String) -> Key? { byFoldedName[Self.fold(name)] }

    func isBlock(_ name: String) -> Bool { blocks.contains(Self.fold(name)) }

    /// The key that an environment's variable, without the prefix, is for, and the name in its table.
    func find(variable: String) -> (key: Key, name: String)? {
        for key in list where key.isTable {
            guard variable.uppercased().hasPrefix(key.variable + "_") else { continue }
            let name = variable.dropFirst(key.variable.count + 1).lowercased().replacing("_", with: ".")
            return name.isEmpty ? nil : (key, name)
        }
        return byVariable[Self.fold(variable)].map { ($0, "") }
    }

    /// What somebody who wrote this name may have meant.
    func nearest(to name: String) -> String? {
        let end = name.split(separator: ".").last.map { Self.fold(String($0)) } ?? ""
        let misplaced = list.filter { Self.fold($0.name).split(separator: ".").last.map(String.init) == end }
        if let key = misplaced.first, name.utf8.count < 80 { return key.name }
        return Nearest.name(to: name, in: list.flatMap { [$0.name] + $0.aliases })
    }
}
