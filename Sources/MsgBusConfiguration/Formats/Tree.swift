/// What a configuration file says, whatever it is written in.
struct Tree: Sendable {
    /// A value and the words around it.
    enum Content: Sendable {
        case scalar(Scalar)
        case list([Tree])
        case table([Row])
        /// The key is there, and has no value.
        case null
    }

    /// One line of a table.
    struct Row: Sendable {
        let key: String
        let place: Place
        let value: Tree
    }

    let content: Content
    let place: Place

    /// How deep lists and tables may be in each other.
    static let deepest = 50

    /// What it is, for people.
    var kind: String {
        switch content {
        case .scalar(let scalar): scalar.kind == .boolean ? "true or false" : "a single value"
        case .list: "a list"
        case .table: "a block of keys"
        case .null: "nothing"
        }
    }
}

/// A single value as it is written.
struct Scalar: Sendable {
    /// What the format says of its type; what it has to be, the key says.
    enum Kind: Sendable {
        /// A text: in quotes, or from somewhere that has only texts.
        case text
        /// Without quotes in YAML, where only the key knows whether `no` is a word.
        case plain
        /// A number of JSON.
        case number
        /// `true` or `false` of JSON.
        case boolean
    }

    let text: String
    let kind: Kind
    /// Whether an error may show it, if the key is no secret's. Not if it could be more than the value that was meant: a line
    /// that a mistake has joined to it can be a secret.
    var isShowable = true
}

/// Why a value is refused; whoever knows its key and place completes it.
struct Complaint: Error {
    let why: String
    /// The key that it is about, where that isn't clear.
    var key: String?
    /// Whether it is about the value, which is then shown. Under a wrong name it may be anything.
    var isAboutValue: Bool

    init(_ why: String, key: String? = nil, isAboutValue: Bool = true) {
        self.why = why
        self.key = key
        self.isAboutValue = isAboutValue
    }
}
