/// Properties by librdkafka's names, which print without their secrets.
struct NamedProperties: Sendable {
    var properties: [String: String] = [:]

    private var shown: [String: String] {
        properties.reduce(into: [:]) { shown, property in
            shown[property.key] = Secret.isName(ofSecret: property.key) ? Secret.mask : property.value
        }
    }
}

extension NamedProperties: CustomStringConvertible, CustomReflectable {
    var description: String { shown.description }

    var customMirror: Mirror { Mirror(reflecting: shown) }
}
