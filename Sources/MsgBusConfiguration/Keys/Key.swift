internal import MsgBus

/// What the settings of all sources are put together in.
struct Draft: Sendable {
    var config: MsgBusConfig
    /// What the sources say; what the code says is in the configuration.
    var topic: String?
    var direction: BusDirection?
    var profile: Profile?
    var protection = Protection()

    init(_ config: MsgBusConfig) { self.config = config }
}

/// A setting by its name: what there is to know of it, for every source, for the list of keys and for the effective settings.
struct Key: Sendable {
    /// In files; for other sources see ``variable`` and ``readerKey``.
    let name: String
    /// Other names of it, in files.
    var aliases: [String] = []
    /// What a value looks like.
    let type: String
    /// What it does, in a line.
    let about: String
    var isSecret = false
    /// Whether it only concerns one direction, and is left out for the other.
    var onlyFor: BusDirection?
    /// What it takes the place of, if that is in a source that counts less. In the same source it is a contradiction.
    var displaces: [String] = []
    /// Whether what is in it are names of the user's.
    var isTable = false
    /// Whether its value is the path of a file with what it is about, which is read once: a pipe has it only once.
    var isFileOfSecret = false
    /// The property that shows what is in force, where the configuration itself doesn't, and how its value is turned back.
    var property: (name: String, value: @Sendable (String) -> String?)?
    /// The value that it has if nobody sets it, where ``values`` doesn't tell.
    var usual: String?
    /// A value that was read, as ``values`` would show it; nil where it is shown as it was written.
    var canonical: (@Sendable (Tree) -> String?)?
    /// Puts a value in. The text is the name in a table.
    var apply: @Sendable (inout Draft, Tree, String) throws(Complaint) -> Void
    /// The values in force with their names in a table; nil when it is not set.
    let values: @Sendable (MsgBusConfig) -> [(name: String, value: String?)]

    /// The same with something changed.
    func changed(_ change: (inout Key) -> Void) -> Key {
        var key = self
        change(&key)
        return key
    }

    /// The same with a value that it has if nobody sets it.
    func usually(_ value: String) -> Key { changed { $0.usual = value } }

    /// How an environment calls it, without the prefix.
    var variable: String { name.uppercased().replacing(".", with: "_") }

    /// How a `ConfigReader` calls it: each part in camel case, as is usual there.
    var readerKey: [String] {
        name.split(separator: ".").map { part in
            let words = part.split(separator: "_").map(String.init)
            return words[0] + words.dropFirst().map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
        }
    }

    /// The value that an untouched configuration has.
    var standard: String? {
        usual ?? values(MsgBusConfig(topic: "", direction: onlyFor ?? .reader)).first.flatMap(\.value)
    }
}

extension Key {
    /// A key whose single value a codec reads and writes.
    ///
    /// - Parameters:
    ///   - take: Puts the value in.
    ///   - value: The one in force; nil when none is set.
    init<Value>(
        _ name: String,
        _ codec: Codec<Value>,
        _ about: String,
        take: @escaping @Sendable (inout Draft, Value) -> Void,
        value: @escaping @Sendable (MsgBusConfig) -> Value?
    ) {
        self.init(name: name, type: codec.type, about: about, canonical: codec.canonical) {
            draft,
            tree,
            _ throws(Complaint) in
            take(&draft, try codec.decode(tree))
        } values: { config in
            [("", value(config).map(codec.format))]
        }
    }

    /// An option with a value.
    static func option<Value>(
        _ name: String,
        _ path: any WritableKeyPath<MsgBusConfig, Value> & Sendable,
        _ codec: Codec<Value>,
        _ about: String
    ) -> Key {
        Key(name, codec, about) {
            $0.config[keyPath: path] = $1
        } value: {
            $0[keyPath: path]
        }
    }

    /// An option that may have none.
    static func option<Value>(
        _ name: String,
        _ path: any WritableKeyPath<MsgBusConfig, Value?> & Sendable,
        _ codec: Codec<Value>,
        _ about: String
    ) -> Key {
        let key = Key(name, codec, about) {
            $0.config[keyPath: path] = $1
        } value: {
            $0[keyPath: path]
        }
        return key.changed { changed in
            changed.apply = { draft, tree, name throws(Complaint) in
                if case .null = tree.content {
                    draft.config[keyPath: path] = nil
                } else {
                    try key.apply(&draft, tree, name)
                }
            }
        }
    }

    /// Names of librdkafka's, with values.
    static func properties(_ name: String, onlyFor direction: BusDirection?, _ about: String) -> Key {
        Key(name: name, type: "librdkafka's names and values", about: about, onlyFor: direction, isTable: true) {
            draft,
            tree,
            property throws(Complaint) in
            guard case .scalar(let scalar) = tree.content else {
                throw Complaint("a property has to be a single value, and is \(tree.kind)")
            }
            draft.config.properties[property] = scalar.text
        } values: { config in
            direction == nil ? config.properties.sorted { $0.key < $1.key }.map { ($0.key, $0.value) } : []
        }
    }
}
