internal import MsgBus

/// Makes a configuration of what several sources say.
struct Loader {
    /// What the code says, nil for what the sources have to say.
    let topic: String?
    let direction: BusDirection?
    /// Those that count more come first.
    let sources: [ConfigurationSource]
    /// What the code changes in the end.
    let finish: (inout MsgBusConfig) -> Void

    func load() throws(MsgBusError) -> MsgBusConfig {
        let entries = try chosenEntries()
        let config = try make(entries)
        do {
            try config.validate()
        } catch {
            throw located(error, entries)
        }
        return config
    }

    // MARK: Which

    /// Of each setting the one that counts most.
    private func chosenEntries() throws(MsgBusError) -> [Entry] {
        var layers: [[Entry]] = []
        for source in sources {
            for layer in try source.layers() {
                try checkContradictions(layer)
                layers.append(layer)
            }
        }
        let said = layers.joined().first { $0.key.name == "direction" }.flatMap { try? Key.direction.decode($0.value) }
        var choice = Choice(direction: direction ?? said)
        for index in layers.indices {
            for entry in layers[index].indices { layers[index][entry].layer = index }
            choice.add(layers[index])
        }
        var entries = choice.entries
        for index in entries.indices { try entries[index].readFile() }
        return entries
    }

    private func checkContradictions(_ layer: [Entry]) throws(MsgBusError) {
        let names = Set(layer.map(\.fullName))
        for entry in layer {
            guard let other = entry.key.displaces.first(where: names.contains) else { continue }
            throw .refused(entry.place, "\(entry.fullName) and \(other) are two ways to say the same: use one of them")
        }
    }

    // MARK: Together

    private func make(_ entries: [Entry]) throws(MsgBusError) -> MsgBusConfig {
        // First all that can be wrong with a value by itself, whether or not it will be used.
        var read = Draft(MsgBusConfig(topic: topic ?? "", direction: direction ?? .reader))
        for entry in entries { try entry.apply(to: &read) }
        guard let topic = topic ?? read.topic else {
            throw MsgBusError(.configuration, "there is no topic: name one in the code, or with the key \"topic\"")
        }
        guard let direction = direction ?? read.direction else {
            throw MsgBusError(
                .configuration,
                "there is no direction: choose one in the code, or with the key \"direction\""
            )
        }
        var draft = Draft(MsgBusConfig(topic: topic, direction: direction))
        if let profile = read.profile { use(profile, entries, &draft.config) }
        // Properties come after the keys that stand for them. What is for one direction comes last, to count more than what is for both.
        let keys = entries.filter { !$0.key.hasProperties }
        let properties = entries.filter(\.key.hasProperties)
        let used = [keys, properties].flatMap { entries in
            entries.filter { $0.key.onlyFor == nil } + entries.filter { $0.key.onlyFor == direction }
        }
        for entry in used {
            try entry.apply(to: &draft)
            draft.config.origins[entry.originName] = entry.origin
        }
        do {
            try checkLogin(draft.protection, used)
            if let security = try draft.protection.security() { draft.config.security = security }
            if try draft.protection.tls() != nil { note("tls.enabled", "true", by: "tls.", of: used, &draft.config) }
        } catch {
            let entry =
                used.first { $0.key.name == error.key } ?? used.first { $0.key.displaces.contains(error.key ?? "") }
            throw entry.map { .refused($0.place, "\($0.fullName): \(error.why)") }
                ?? MsgBusError(.configuration, error.why)
        }
        if let policy = draft.config.reader.failurePolicy, policy.outcome == .stop {
            note("reader.failure.then", "stop", by: "reader.failure.", of: used, &draft.config)
        }
        if draft.config.reader.failurePolicy?.retries == 0 {
            note("reader.failure.retries", "0", by: "reader.failure.", of: used, &draft.config)
        }
        finishInCode(&draft.config)
        return draft.config
    }

    /// What the code sets counts more than a source's property for the same.
    private func finishInCode(_ config: inout MsgBusConfig) {
        let before = config
        finish(&config)
        var names: Set<String> = []
        for key in Keys.all.list {
            if key.isAboutTLS || key.isAboutLogin {
                guard config.security != before.security else { continue }
                config.origins[key.name] = nil
                names.insert("security.protocol")
            } else {
                guard !key.values(before).elementsEqual(key.values(config), by: { $0 == $1 }) else { continue }
            }
            names.formUnion(key.properties)
        }
        for (name, value) in before.properties where config.properties[name] == value {
            guard names.contains(PropertyName.first(of: name)) else { continue }
            config.properties[name] = nil
            config.origins["properties.\(name)"] = nil
        }
    }

    /// Settings that another login needs are a mistake beside the mechanism. In another source they may be there for other programs.
    private func checkLogin(_ protection: Protection, _ entries: [Entry]) throws(Complaint) {
        guard let mechanism = protection.mechanism,
            let chosen = entries.first(where: { $0.key.name == "sasl.mechanism" })
        else { return }
        let others = ["sasl.username", "sasl.password", "sasl.password_file"]
        for entry in entries where entry.layer == chosen.layer {
            let name = entry.key.name
            guard mechanism == .gssapi ? others.contains(name) : name.hasPrefix("sasl.kerberos_") else { continue }
            let why = "sasl.mechanism is \(mechanism.rawValue), which takes no notice of it: leave one of them out"
            throw Complaint(why, key: name)
        }
    }

    /// What nobody says, and follows from another key of its block: a certificate means TLS, a pause means a policy.
    private func note(
        _ key: String,
        _ value: String,
        by block: String,
        of entries: [Entry],
        _ config: inout MsgBusConfig
    ) {
        guard config.origins[key] == nil, let entry = entries.first(where: { $0.key.name.hasPrefix(block) }) else {
            return
        }
        config.origins[key] = Setting.Origin(place: entry.place.description, value: value)
    }

    /// What a profile sets comes from where the profile is named.
    private func use(_ profile: Profile, _ entries: [Entry], _ config: inout MsgBusConfig) {
        config.use(profile)
        let place = entries.first { $0.key.name == "profile" }.map { "\($0.place) (profile)" } ?? "profile"
        for key in Keys.all.list {
            for (name, value) in key.values(config) where key.isTable || value != key.standard && key.name.contains(".")
            {
                config.origins[key.isTable ? "\(key.name).\(name)" : key.name] = Setting.Origin(
                    place: place,
                    value: value ?? ""
                )
            }
        }
    }

    // MARK: Where

    /// The same error with the place of what causes it: that without which there is none, or else another one.
    private func located(_ error: MsgBusError, _ entries: [Entry]) -> MsgBusError {
        var cures: [Entry] = []
        var changes: [Entry] = []
        for (index, entry) in entries.enumerated() where entry.key.name != "topic" && entry.key.name != "direction" {
            var others = entries
            others.remove(at: index)
            let left = failure(others)
            if left == nil { cures.append(entry) }
            if left?.message != error.message { changes.append(entry) }
        }
        var causes = cures.isEmpty ? changes : cures
        // A topic can't be left out.
        if causes.isEmpty, topic == nil, let entry = entries.first(where: { $0.key.name == "topic" }) {
            if failure(entries, topic: "topic")?.message != error.message { causes.append(entry) }
        }
        guard let cause = causes.first else { return error }
        var located = error
        let others = causes.dropFirst().map { "; see also \($0.fullName) at \($0.place)" }
        located.message = "\(cause.place): \(cause.fullName): \(error.message)\(others.joined())"
        located.shorten()
        return located
    }

    private func failure(_ entries: [Entry], topic: String? = nil) -> MsgBusError? {
        do throws(MsgBusError) {
            let loader = Loader(topic: topic ?? self.topic, direction: direction, sources: [], finish: finish)
            try loader.make(entries).validate()
            return nil
        } catch {
            return error
        }
    }
}

extension Entry {
    /// Under which it is found again: properties for one direction only are properties in the end.
    fileprivate var originName: String {
        key.isTable && key.onlyFor != nil ? "properties.\(name)" : fullName
    }

    fileprivate var origin: Setting.Origin {
        let written = if case .scalar(let scalar) = value.content { scalar.text } else { "" }
        let text = key.canonical?(value) ?? written
        return Setting.Origin(
            place: place.description,
            value: Setting(name: originName, value: text, source: .code).value ?? ""
        )
    }
}
