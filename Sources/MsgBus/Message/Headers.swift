/// The headers of a message: an ordered list, in which a name may repeat and a value may be missing.
///
/// ```swift
/// var headers: Headers = ["trace": "00-4bf9…", "kind": "order"]
/// headers.append("raw", [0x00, 0xff])
/// headers.append("flag", nil)
/// ```
public struct Headers: Sendable, Hashable {
    /// One header.
    public struct Element: Sendable, Hashable {
        /// The header's name; another header of the message may have the same.
        public var name: String
        /// The header's bytes. Nil is "no value", which Kafka keeps apart from the empty value.
        public var value: [UInt8]?

        /// Makes a header.
        public init(name: String, value: [UInt8]?) {
            self.name = name
            self.value = value
        }

        /// The value as text; nil when there is none, or when it isn't UTF-8.
        public var text: String? { value.flatMap { String(validating: $0, as: UTF8.self) } }
    }

    private var elements: [Element] = []

    /// Makes an empty list.
    public init() {}

    /// Bytes of all names and values.
    var size: Int { elements.reduce(0) { $0 + $1.name.utf8.count + ($1.value?.count ?? 0) } }

    /// Adds a header at the end.
    ///
    /// - Parameters:
    ///   - name: Its name.
    ///   - value: Its bytes, or nil for none.
    public mutating func append(_ name: String, _ value: [UInt8]?) {
        elements.append(Element(name: name, value: value))
    }

    /// Adds a header with a text at the end.
    ///
    /// - Parameters:
    ///   - name: Its name.
    ///   - text: Its value, sent as UTF-8.
    public mutating func append(_ name: String, _ text: String) {
        elements.append(Element(name: name, value: Array(text.utf8)))
    }

    /// The last header with this name, which is the one that counts where a name should stand once.
    public subscript(name: String) -> Element? {
        elements.last { $0.name == name }
    }
}

extension Headers: RandomAccessCollection, MutableCollection, RangeReplaceableCollection {
    /// The position of the first header.
    public var startIndex: Int { elements.startIndex }

    /// The position after the last header.
    public var endIndex: Int { elements.endIndex }

    /// The header at a position.
    public subscript(position: Int) -> Element {
        get { elements[position] }
        set { elements[position] = newValue }
    }

    /// Replaces a range of headers by others.
    public mutating func replaceSubrange(
        _ subrange: Range<Int>,
        with newElements: some Collection<Element>
    ) {
        elements.replaceSubrange(subrange, with: newElements)
    }
}

extension Headers: ExpressibleByDictionaryLiteral {
    /// Makes headers of names and texts, in the order in which they are written.
    public init(dictionaryLiteral elements: (String, String)...) {
        self.elements = elements.map { Element(name: $0.0, value: Array($0.1.utf8)) }
    }
}
