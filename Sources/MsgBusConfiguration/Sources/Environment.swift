internal import MsgBus

/// The variables of an environment that have our prefix.
struct Environment: Sendable {
    let prefix: String
    private let variables: [String: String]

    init(variables: [String: String], prefix: String) {
        self.prefix = prefix
        self.variables = variables.filter { $0.key.hasPrefix(prefix) && !$0.value.isEmpty }
    }

    /// The file that the environment names.
    var file: String? { variables[prefix + Self.fileVariable] }

    private static let fileVariable = "CONFIG"

    func entries() throws(MsgBusError) -> [Entry] {
        var entries: [Entry] = []
        var places: [String: String] = [:]
        // Sorted, so that of two errors it is always the same one that is reported.
        for (variable, value) in variables.sorted(by: { $0.key < $1.key }) {
            let name = String(variable.dropFirst(prefix.count))
            if name == Self.fileVariable || isForeign(name, value) { continue }
            let place = Place(name: variable)
            guard let (key, member) = Keys.all.find(variable: name) else {
                throw .refused(place, "there is no such setting\(hint(name))")
            }
            let tree = Tree(content: .scalar(Scalar(text: value, kind: .text)), place: place)
            for entry in try Dialect.entries(of: key, member, tree, place) {
                if let other = places.updateValue(variable, forKey: entry.fullName) {
                    throw .refused(place, "\(entry.fullName) is set twice: by \(other), too")
                }
                entries.append(entry)
            }
        }
        return entries
    }

    private func hint(_ name: String) -> String {
        let names = Keys.all.list.map(\.variable) + [Self.fileVariable]
        return Nearest.name(to: name, in: names).map { "; did you mean \(prefix)\($0)?" } ?? ""
    }

    /// What others set by this name: Kubernetes for services called `msgbus` or `msgbus-rest`, and this package's own scripts.
    private func isForeign(_ name: String, _ value: String) -> Bool {
        if ["REQUIRE_BROKER", "WARNINGS_AS_ERRORS"].contains(name) { return prefix == "MSGBUS_" }
        if isService(name[...], value) { return true }
        // Of a service with a longer name all variables are there, or none.
        return name.indices.contains { index in
            let rest = name[name.index(after: index)...]
            return name[index] == "_" && isService(rest, value)
                && variables["\(prefix)\(name[...index])SERVICE_HOST"] != nil
        }
    }

    private func isService(_ name: Substring, _ value: String) -> Bool {
        if name == "PORT" { return value.contains("://") }
        return name == "SERVICE_HOST" || name == "SERVICE_PORT" || name.hasPrefix("SERVICE_PORT_")
            || name.wholeMatch(of: /PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?/) != nil
    }
}
