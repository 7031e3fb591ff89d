public import MsgBus

extension MsgBusConfig {
    /// All options in force, by their keys in files, with `***` for secrets, and where each comes from.
    ///
    /// What librdkafka makes of them, ``MsgBusConfig/effectiveProperties()`` tells. Options of the other direction aren't among them, nor
    /// closures.
    ///
    /// - Throws: What ``MsgBusConfig/effectiveProperties()`` throws.
    public func effectiveSettings() throws(MsgBusError) -> [Setting] {
        let properties = try effectiveProperties()
        let isForOthers = direction == .reader ? "writer." : "reader."
        return Keys.all.list.flatMap { key -> [Setting] in
            if key.name.hasPrefix(isForOthers) || key.onlyFor ?? direction != direction { return [] }
            return values(of: key, properties).map { name, value in
                let fullName = key.isTable ? "\(key.name).\(name)" : key.name
                return Setting(name: fullName, value: value, source: source(fullName, value, key))
            }
        }
    }

    private func values(of key: Key, _ properties: [Setting]) -> [(name: String, value: String?)] {
        let protocolName = properties.first { $0.name == "security.protocol" }?.value ?? ""
        let isUsed =
            key.name == "tls.enabled" || protocolName.hasPrefix("sasl") && key.name.hasPrefix("sasl.")
            || protocolName.hasSuffix("ssl") && key.name.hasPrefix("tls.")
        if isUsed, let property = key.property {
            let value = properties.first { $0.name == property.name }?.value
            return [("", value.flatMap(property.value))]
        }
        if let property = decidingProperty(key), key.property == nil {
            return [("", key.value(ofProperty: property.value))]
        }
        let values = key.values(self)
        guard !key.isTable, values.first?.value == nil else { return values }
        // What can only be known from where it was read; or what it is by itself.
        let origin = origins[key.name]?.value
        return [("", origin?.isEmpty == false ? origin : key.usual)]
    }

    private func source(_ name: String, _ value: String?, _ key: Key) -> Setting.Source {
        let shown = Setting(name: name, value: value, source: .code).value ?? ""
        if let origin = origins[name], shown == origin.value { return .place(origin.place) }
        if let property = decidingProperty(key), let origin = origins["properties.\(property.name)"],
            origin.value == Setting(name: property.name, value: property.value, source: .code).value
        {
            return .place(origin.place)
        }
        return origins[name] == nil && value == key.standard ? .standard : .code
    }

    /// The user's property that counts more than a key.
    private func decidingProperty(_ key: Key) -> (name: String, value: String)? {
        guard let name = key.decidingProperty.map(PropertyName.first) else { return nil }
        return properties.sorted { $0.key < $1.key }.first { PropertyName.first(of: $0.key) == name }
            .map { ($0.key, $0.value) }
    }
}
