internal import MsgBus

/// Of each setting the one that counts most, out of layers of which those that count more are added first.
struct Choice {
    /// What is written or read, if that is known: what is for the other direction says nothing of properties that are for both.
    let direction: BusDirection?
    private(set) var entries: [Entry] = []
    private var names: Set<String> = []
    private var displaced: Set<String> = []
    /// By their first names.
    private var displacedProperties: Set<String> = []

    init(direction: BusDirection?) { self.direction = direction }

    mutating func add(_ layer: [Entry]) {
        entries += layer.compactMap(beside)
        names.formUnion(layer.map(\.nameBeside))
        displaced.formUnion(layer.flatMap(\.key.displaces))
        let other = direction.map { $0 == .reader ? "writer." : "reader." }
        for entry in layer where other.map(entry.key.name.hasPrefix) != true {
            displacedProperties.formUnion(entry.key.properties)
        }
    }

    /// What is left of it beside those that count more.
    private func beside(_ entry: Entry) -> Entry? {
        guard !names.contains(entry.nameBeside), !displaced.contains(entry.fullName) else { return nil }
        guard entry.key.hasProperties else { return entry }
        let name = PropertyName.first(of: entry.name)
        // What is for both directions, too, counts more than what is for one in a source that counts less.
        guard !displacedProperties.contains(name), !names.contains("properties.\(name)") else { return nil }
        return entry.name == "security.protocol" ? besideProtection(entry) : entry
    }

    /// The property says two things, of which keys that count more may say one: the other one stays as it is, for without it
    /// TLS or the login would be gone.
    private func besideProtection(_ entry: Entry) -> Entry? {
        guard case .scalar(let scalar) = entry.value.content else { return entry }
        let word = scalar.text.lowercased()
        guard ["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"].contains(word) else { return entry }
        let tls = entries.filter(\.key.isAboutTLS)
        let saysLogin = entries.contains(where: \.key.isAboutLogin)
        if tls.isEmpty, !saysLogin { return entry }
        if !tls.isEmpty, saysLogin { return nil }
        let hasLogin = saysLogin || word.hasPrefix("sasl")
        let hasTLS = tls.isEmpty ? word.hasSuffix("ssl") : isEncrypted(tls)
        let text = (hasLogin ? "sasl_" : "") + (hasTLS ? "ssl" : "plaintext")
        let value = Tree(content: .scalar(Scalar(text: text, kind: .text)), place: entry.value.place)
        return Entry(key: entry.key, name: entry.name, value: value, place: entry.place)
    }

    /// What keys of TLS mean together; a value that is none is refused later.
    private func isEncrypted(_ tls: [Entry]) -> Bool {
        guard let enabled = tls.first(where: { $0.key.name == "tls.enabled" }) else { return true }
        return (try? Codec<Bool>.flag.decode(enabled.value)) ?? true
    }
}

extension Entry {
    /// The name by which entries of several sources are the same: of a property's two names it is the first one.
    fileprivate var nameBeside: String {
        key.hasProperties ? "\(key.name).\(PropertyName.first(of: name))" : fullName
    }
}
