internal import MsgBus

/// The configuration files of CORTX.
enum Cortx {
    /// `cluster.conf`: brokers at `cortx.external.kafka.endpoints`. All else in it is for others.
    static func cluster(_ cortx: Tree.Row) throws(MsgBusError) -> [Entry] {
        if let backend = try find(["utils", "message_bus_backend"], in: cortx.value) {
            try checkKafka(backend.value, backend.place)
        }
        guard let endpoints = try find(["external", "kafka", "endpoints"], in: cortx.value) else {
            throw .refused(
                cortx.place,
                "there is no key \"cortx.external.kafka.endpoints\" in it, which names the brokers"
            )
        }
        return try entries("brokers", endpoints.value, endpoints.place)
    }

    /// `message_bus.conf`: brokers at `message_broker.cluster`, times at `message_bus` or `message_broker.message_bus`.
    static func messageBus(_ rows: [Tree.Row]) throws(MsgBusError) -> [Entry] {
        var entries: [Entry] = []
        for row in rows {
            switch row.key {
            case "message_broker": entries += try broker(row)
            case "message_bus": entries += try times(row)
            default: throw unknown(row.key, row.place, ["message_broker", "message_bus"])
            }
        }
        return entries
    }

    private static func broker(_ broker: Tree.Row) throws(MsgBusError) -> [Entry] {
        var entries: [Entry] = []
        for row in try table(broker.value, broker.key, broker.place) {
            switch row.key {
            case "type":
                try checkKafka(row.value, row.place)
            case "cluster":
                guard case .list(let servers) = row.value.content, !servers.isEmpty else {
                    throw .refused(row.place, "\"cluster\" has to be a list of servers and ports")
                }
                var addresses: [Tree] = []
                for server in servers { addresses.append(try address(server)) }
                entries += try Self.entries("brokers", Tree(content: .list(addresses), place: row.place), row.place)
            case "message_bus":
                entries += try times(row)
            default:
                throw unknown(row.key, row.place, ["type", "cluster", "message_bus"])
            }
        }
        return entries
    }

    private static func address(_ server: Tree) throws(MsgBusError) -> Tree {
        var host: String?
        var port: String?
        for row in try table(server, "cluster", server.place) {
            guard case .scalar(let scalar) = row.value.content, !scalar.text.isEmpty else {
                throw .refused(row.place, "\"\(row.key)\" has no value that is a server's")
            }
            switch row.key {
            case "server": host = scalar.text
            case "port": port = scalar.text
            default: throw unknown(row.key, row.place, ["server", "port"])
            }
        }
        guard let host else { throw .refused(server.place, "there is no key \"server\"") }
        let isAddress = host.contains(":") && !host.hasPrefix("[")
        let text = (isAddress ? "[\(host)]" : host) + (port.map { ":\($0)" } ?? "")
        return Tree(content: .scalar(Scalar(text: text, kind: .text)), place: server.place)
    }

    /// Times in milliseconds, of which two mean something here: each of our reads has a time of its own.
    private static func times(_ block: Tree.Row) throws(MsgBusError) -> [Entry] {
        let names = [
            "send_timeout": "writer.delivery_timeout", "send_message_timeout": "writer.delivery_timeout",
            "socket_timeout": "properties.socket.timeout.ms",
            "controller_socket_timeout": "properties.socket.timeout.ms",
        ]
        let without = ["receive_timeout", "recv_message_timeout", "admin_api_timeout"]
        var entries: [Entry] = []
        for row in try table(block.value, block.key, block.place) {
            if without.contains(row.key) { continue }
            guard let name = names[row.key] else { throw unknown(row.key, row.place, names.keys.sorted() + without) }
            guard case .scalar(let scalar) = row.value.content else {
                throw .refused(row.place, "\"\(row.key)\" has to be a number of milliseconds, and is \(row.value.kind)")
            }
            let unit = name.hasPrefix("properties") ? "" : "ms"
            let value = Scalar(text: scalar.text + unit, kind: .text, isShowable: scalar.isShowable)
            entries += try Self.entries(name, Tree(content: .scalar(value), place: row.value.place), row.place)
        }
        return entries
    }

    // MARK: Small parts

    private static func entries(_ name: String, _ value: Tree, _ place: Place) throws(MsgBusError) -> [Entry] {
        try Dialect.own([Tree.Row(key: name, place: place, value: value)])
    }

    private static func checkKafka(_ value: Tree, _ place: Place) throws(MsgBusError) {
        guard case .scalar(let scalar) = value.content, scalar.text == "kafka" else {
            throw .refused(place, "there is one technology, \"kafka\", and this names another one")
        }
    }

    private static func find(_ path: [String], in tree: Tree) throws(MsgBusError) -> Tree.Row? {
        var tree = tree
        var found: Tree.Row?
        for name in path {
            guard case .table(let rows) = tree.content, let row = rows.first(where: { $0.key == name }) else {
                return nil
            }
            found = row
            tree = row.value
        }
        return found
    }

    private static func table(_ tree: Tree, _ name: String, _ place: Place) throws(MsgBusError) -> [Tree.Row] {
        guard case .table(let rows) = tree.content else {
            throw .refused(place, "\"\(name)\" has to be a block of keys, and is \(tree.kind)")
        }
        return rows
    }

    private static func unknown(_ name: String, _ place: Place, _ names: [String]) -> MsgBusError {
        let hint = Nearest.name(to: name, in: names).map { "; did you mean \"\($0)\"?" } ?? ""
        return .refused(place, "there is no key \"\(name.prefix(100))\"\(hint)")
    }
}
