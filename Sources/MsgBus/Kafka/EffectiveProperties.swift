internal import CRdKafka

extension MsgBusConfig {
    /// All properties that librdkafka would work with, as this configuration and the running librdkafka have them: sorted, by their first
    /// names, with `***` for secrets.
    ///
    /// ```swift
    /// for setting in try config.effectiveProperties() where setting.source != .librdkafka { print(setting.name, setting.value ?? "") }
    /// ```
    ///
    /// The source is ``Setting/Source/option`` for what follows from this library's options and defaults; for ``properties`` the place in
    /// ``origins`` at `properties.` and the name, or ``Setting/Source/code``.
    ///
    /// - Throws: What ``validate()`` throws, but for what is wrong with files that properties name: they aren't looked at.
    public func effectiveProperties() throws(MsgBusError) -> [Setting] {
        let properties = try clientProperties()
        _ = try properties.makeConfiguration()
        let standard = Configuration().settings
        let configuration = Configuration()
        for entry in properties.entries where entry.origin != .user { _ = configuration.set(entry.name, entry.value) }
        var values = configuration.settings
        var sources: [String: Setting.Source] = [:]
        for (name, value) in values { sources[name] = value == standard[name] ? .librdkafka : .option }
        // A property has several names, and librdkafka lists one: it is the one that changes.
        for entry in properties.entries where entry.origin == .user {
            _ = configuration.set(entry.name, entry.value)
            let changed = configuration.settings
            for (name, value) in changed where value != values[name] || name == entry.name {
                sources[name] = source(ofProperty: entry.name, entry.value)
            }
            values = changed
        }
        return values.sorted { $0.key < $1.key }.map { name, value in
            Setting(name: name, value: value, source: sources[name] ?? .librdkafka)
        }
    }

    private func source(ofProperty name: String, _ value: String) -> Setting.Source {
        guard let origin = origins["properties.\(name)"] else { return .code }
        return origin.value == Setting(name: name, value: value, source: .code).value ? .place(origin.place) : .code
    }
}
