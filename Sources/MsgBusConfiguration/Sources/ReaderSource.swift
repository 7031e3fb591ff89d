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
            guard let content = content(key) else {
                if let kind = unwanted(key) {
                    throw .refused(place, "\(key.name): it has to be \(key.type), and is \(kind)")
                }
                continue
            }
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

    /// What no key takes, and would be overlooked: what it is, if it is there.
    private func unwanted(_ key: Key) -> String? {
        let name = ConfigKey(key.readerKey)
        let isSecret = key.isSecret || key.hasProperties
        if (try? reader.requiredIntArray(forKey: name, isSecret: isSecret)) != nil { return "a list of numbers" }
        if (try? reader.requiredDoubleArray(forKey: name, isSecret: isSecret)) != nil { return "a list of numbers" }
        if (try? reader.requiredBoolArray(forKey: name, isSecret: isSecret)) != nil {
            return "a list of true and false"
        }
        if (try? reader.requiredBytes(forKey: name, isSecret: isSecret)) != nil { return "bytes" }
        if (try? reader.requiredByteChunkArray(forKey: name, isSecret: isSecret)) != nil { return "a list of bytes" }
        return nil
    }
}
