public import MsgBus

extension MsgBusConfig {
    /// Makes a configuration of what files, the environment and others say.
    ///
    /// ```swift
    /// let config = try MsgBusConfig(topic: "orders", direction: .reader, from: .environment(), .file("bus.yaml"))
    /// ```
    ///
    /// What counts more: the code, by the arguments and the closure; then the sources, each more than those behind it; then the profile,
    /// wherever it is named; then the defaults. Tables, as `properties`, are put together name by name. The environment should come
    /// first, so that whoever runs a program can change what its file says.
    ///
    /// - Parameters:
    ///   - topic: The topic. Default: nil, which leaves it to the sources.
    ///   - direction: Whether to write or read. Default: nil, which leaves it to the sources.
    ///   - sources: Where the settings come from; those that count more come first. Each is read now, once.
    ///   - finish: What the code itself changes, before all is checked.
    /// - Throws: `.configuration` with the place, the key, what is wrong with it, and for a typo the nearest key: for a file that can't be
    ///   read or isn't what it should be, for keys that don't exist, and for all that ``MsgBusConfig/validate()`` refuses.
    public init(
        topic: String? = nil,
        direction: BusDirection? = nil,
        from sources: ConfigurationSource...,
        finish: (inout MsgBusConfig) -> Void = { _ in }
    ) throws(MsgBusError) {
        try self.init(topic: topic, direction: direction, from: sources, finish: finish)
    }

    /// Makes a configuration of what files, the environment and others say: as the other initializer, for sources in an array.
    public init(
        topic: String? = nil,
        direction: BusDirection? = nil,
        from sources: [ConfigurationSource],
        finish: (inout MsgBusConfig) -> Void = { _ in }
    ) throws(MsgBusError) {
        self = try withoutActuallyEscaping(finish) { finish throws(MsgBusError) in
            try Loader(topic: topic, direction: direction, sources: sources, finish: finish).load()
        }
    }
}
