import MsgBus
import MsgBusConfiguration
import Testing

/// A configuration out of a text; the topic is "orders", read unless said otherwise.
func configured(
    _ text: String,
    in name: String = "bus.yaml",
    _ direction: BusDirection = .reader,
    _ others: [ConfigurationSource] = []
) throws(MsgBusError) -> MsgBusConfig {
    try MsgBusConfig(topic: "orders", direction: direction, from: others + [.text(text, name: name)])
}

func configured(_ text: String, _ others: [ConfigurationSource]) throws(MsgBusError) -> MsgBusConfig {
    try configured(text, .reader, others)
}

/// The error of a text; every error of a configuration has a place.
func refusal(
    of text: String,
    in name: String = "bus.yaml",
    _ direction: BusDirection = .reader,
    sourceLocation: SourceLocation = #_sourceLocation
) -> String {
    let error = #expect(throws: MsgBusError.self, sourceLocation: sourceLocation) {
        try configured(text, in: name, direction)
    }
    #expect(error?.code == .configuration, sourceLocation: sourceLocation)
    return error?.message ?? ""
}

/// That a text is refused with an error that begins so.
func expectRefusal(of text: String, _ expected: String, sourceLocation: SourceLocation = #_sourceLocation) {
    let message = refusal(of: text, sourceLocation: sourceLocation)
    #expect(message.hasPrefix(expected), "\(message)", sourceLocation: sourceLocation)
}
