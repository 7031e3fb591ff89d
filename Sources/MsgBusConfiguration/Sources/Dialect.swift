internal import MsgBus

/// Finds the settings in what a file says: our own keys, and those of the systems that came before.
enum Dialect {
    /// More than any configuration has, and few enough to be looked at one by one.
    private static let mostEntries = 500

    static func entries(of tree: Tree) throws(MsgBusError) -> [Entry] {
        switch tree.content {
        case .null:
            // An empty file, or one in which everything is commented out.
            return []
        case .table(let rows):
            if let cortx = rows.first(where: { $0.key == "cortx" }) { return try Cortx.cluster(cortx) }
            if rows.contains(where: { $0.key == "message_broker" }) { return try Cortx.messageBus(rows) }
            return try own(rows)
        case .scalar, .list:
            throw .refused(tree.place, "the file has to be a block of keys, and is \(tree.kind)")
        }
    }

    /// Our own keys, which are cn-infra's too.
    static func own(_ rows: [Tree.Row]) throws(MsgBusError) -> [Entry] {
        var entries: [Entry] = []
        try add(rows, below: "", to: &entries)
        var places: [String: Place] = [:]
        for entry in entries {
            if let other = places.updateValue(entry.place, forKey: entry.fullName) {
                throw .refused(entry.place, "the key \"\(entry.fullName)\" is there twice: at \(other), too")
            }
        }
        return entries
    }

    private static func add(_ rows: [Tree.Row], below block: String, to entries: inout [Entry]) throws(MsgBusError) {
        for row in rows {
            let name = block.isEmpty ? row.key : "\(block).\(row.key)"
            if let key = Keys.all.find(name) {
                entries += try Self.entries(of: key, "", row.value, row.place)
            } else if let (key, member) = member(name) {
                entries += try Self.entries(of: key, member, row.value, row.place)
            } else if Keys.all.isBlock(name) {
                switch row.value.content {
                case .table(let rows): try add(rows, below: name, to: &entries)
                case .null: break
                case .scalar, .list:
                    throw .refused(row.place, "\"\(name)\" has to be a block of keys, and is \(row.value.kind)")
                }
            } else {
                throw unknown(name, row.place)
            }
            guard entries.count <= mostEntries else {
                throw .refused(row.place, "there are more than \(mostEntries) settings")
            }
        }
    }

    /// A name in a table, written with dots.
    private static func member(_ name: String) -> (key: Key, member: String)? {
        for key in Keys.all.list where key.isTable && name.hasPrefix(key.name + ".") {
            return (key, String(name.dropFirst(key.name.count + 1)))
        }
        return nil
    }

    private static func unknown(_ name: String, _ place: Place) -> MsgBusError {
        let hint = Keys.all.nearest(to: name).map { "; did you mean \"\($0)\"?" } ?? ""
        let shown = name.count <= 100 ? name : String(name.prefix(100)) + "…"
        return .refused(place, "there is no key \"\(shown)\"\(hint)")
    }

    /// The settings of one key; several if it is a table.
    static func entries(of key: Key, _ member: String, _ value: Tree, _ place: Place) throws(MsgBusError) -> [Entry] {
        guard key.isTable, member.isEmpty else { return [Entry(key: key, name: member, value: value, place: place)] }
        func wrong(_ place: Place) -> MsgBusError {
            .refused(place, "\(key.name): it has to be a block of names and values, or a list of name=value")
        }
        switch value.content {
        case .null:
            return []
        case .table(let rows):
            return rows.map { Entry(key: key, name: $0.key, value: $0.value, place: $0.place) }
        case .list, .scalar:
            var entries: [Entry] = []
            let items: [Tree] = if case .list(let items) = value.content { items } else { [value] }
            for item in items {
                guard case .scalar(let scalar) = item.content, let sign = scalar.text.firstIndex(of: "=") else {
                    throw wrong(place)
                }
                let value = Scalar(
                    text: String(scalar.text[scalar.text.index(after: sign)...]),
                    kind: .text,
                    isShowable: scalar.isShowable
                )
                let name = scalar.text[..<sign].trimmingPrefix { $0.isWhitespace }
                entries.append(
                    Entry(
                        key: key,
                        name: String(name),
                        value: Tree(content: .scalar(value), place: item.place),
                        place: place
                    )
                )
            }
            return entries
        }
    }
}
