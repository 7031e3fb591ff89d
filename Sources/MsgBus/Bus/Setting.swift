/// A setting in force: its name, its value, and where that comes from. Secrets are shown as `***`.
public struct Setting: Sendable, Hashable {
    /// Its name: one of librdkafka's, or a key of a configuration file.
    public let name: String

    /// Its value as text; `***` if it is a secret, nil if it has none.
    public let value: String?

    /// Where the value comes from.
    public let source: Source

    /// Makes one.
    ///
    /// - Parameters:
    ///   - name: Its name.
    ///   - value: Its value. It is replaced by `***` if the name is a secret's; nil for none.
    ///   - source: Where the value comes from.
    public init(name: String, value: String?, source: Source) {
        self.name = name
        self.value = Self.isSecret(name) && value?.isEmpty == false ? Secret.mask : value
        self.source = source
    }

    /// Whether a setting of this name has a value that isn't to be shown: a password, a key, a token.
    public static func isSecret(_ name: String) -> Bool {
        // A path to a secret is none.
        !name.hasSuffix("_file") && !name.hasSuffix(".location") && Secret.isName(ofSecret: name)
    }

    /// Where a value comes from.
    public enum Source: Sendable, Hashable, CustomStringConvertible {
        /// librdkafka's default.
        case librdkafka
        /// This library's default.
        case standard
        /// It follows from another option.
        case option
        /// The program.
        case code
        /// A file and line, a variable, and the like.
        case place(String)

        /// For people: `default`, `bus.yaml:3:5`, and so on.
        public var description: String {
            switch self {
            case .librdkafka: "librdkafka's default"
            case .standard: "default"
            case .option: "an option"
            case .code: "code"
            case .place(let place): place
            }
        }
    }

    /// Where an option of a configuration was read.
    public struct Origin: Sendable, Hashable {
        /// The file and line, the variable, and the like.
        public var place: String

        /// The value that was read there, `***` for a secret: if the option has another one now, the program has changed it.
        public var value: String

        /// Makes one.
        ///
        /// - Parameters:
        ///   - place: The file and line, the variable, and the like.
        ///   - value: The value as ``Setting/value`` shows it.
        public init(place: String, value: String) {
            self.place = place
            self.value = value
        }
    }
}
