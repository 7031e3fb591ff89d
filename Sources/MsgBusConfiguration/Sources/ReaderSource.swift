internal import Configuration
internal import MsgBus

/// What a `ConfigReader` has of our keys.
struct ReaderSource {
    let reader: ConfigReader

    func entries() throws(MsgBusError) -> [Entry] {
        var entries: [Entry] = []
        for key in Keys.all.list {
            let name = key.readerKey.joined(separator: ".")
            let place = Place(name: "configuration key \(name)")
            guard let content = content(key) else { continue }
            entries += try Dialect.entries(of: key, "", Tree(content: content, place: place), place)
        }
        return entries
    }

    /// The calls that give nil don't tell a missing value from one of another type; those that throw do, if one asks for each type.
    private func content(_ key: Key) -> Tree.Content? {
        let name = ConfigKey(key.readerKey)
        // Among properties there may be a password; which, an access reporter can't know.
        let isSecret = key.isSecret || key.hasProperties
        func place(_ text: String) -> Tree {
            Tree(content: .scalar(Scalar(text: text, kind: .text)), place: Place(name: ""))
        }
        // Asked first where it is usual; a provider of texts cuts them at commas.
        if key.isTable, let texts = try? reader.requiredStringArray(forKey: name, isSecret: isSecret) {
            return .list(texts.map(place))
        }
        func scalar(_ text: String, _ kind: Scalar.Kind) -> Tree.Content { .scalar(Scalar(text: text, kind: kind)) }
        if let text = try? reader.requiredString(forKey: name, isSecret: isSecret) { return scalar(text, .text) }
        if let number = try? reader.requiredInt(forKey: name, isSecret: isSecret) {
            return scalar(String(number), .number)
        }
        if let number = try? reader.requiredDouble(forKey: name, isSecret: isSecret) {
            return scalar(String(number), .number)
        }
        if let flag = try? reader.requiredBool(forKey: name, isSecret: isSecret) {
            return scalar(String(flag), .boolean)
        }
        guard !key.isTable, let texts = try? reader.requiredStringArray(forKey: name, isSecret: isSecret) else {
            return nil
        }
        return .list(texts.map(place))
    }
}
