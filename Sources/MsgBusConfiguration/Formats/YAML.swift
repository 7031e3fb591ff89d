internal import MsgBus
internal import Yams

/// Reads YAML.
///
/// What a value means is left to its key: `no` is a word where a name is wanted. What a configuration has no use for, and what could
/// cost more than the file is long, is refused.
struct YAML {
    private let name: String
    private let lines: [Substring]
    private var nodes = 0

    /// With aliases a short file can be an endless tree. As many as this make it longer by a few hundred times at the most.
    private static let mostAliases = 16
    private static let mostNodes = 20_000
    private static let mostBrackets = 500
    private static let deepestColumn = 200

    /// Reads one document.
    static func tree(of text: String, in name: String) throws(MsgBusError) -> Tree {
        // The line feed alone isn't found in Windows' "\r\n", which is one character.
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        var yaml = YAML(name: name, lines: lines)
        return try yaml.read(text)
    }

    private init(name: String, lines: [Substring]) {
        self.name = name
        self.lines = lines
    }

    private mutating func read(_ text: String) throws(MsgBusError) -> Tree {
        try checkBounds(text)
        let root: Node?
        do {
            root = try Parser(yaml: text, encoding: .utf8).singleRoot()
        } catch let error as YamlError {
            throw refusal(error)
        } catch {
            throw .refused(Place(name: name), "this isn't YAML")
        }
        guard let root else { return Tree(content: .null, place: Place(name: name, line: 1)) }
        return try tree(root, depth: 0)
    }

    // MARK: Before

    /// The parser calls itself for what is inside of something, and follows aliases: both have to be bounded before it begins. What is
    /// in quotes or comments is counted, too.
    private func checkBounds(_ text: String) throws(MsgBusError) {
        var brackets = 0
        var aliases = 0
        for (index, line) in lines.enumerated() {
            let place = Place(name: name, line: index + 1)
            let indentation = line.utf8.prefix { " \t-?:".utf8.contains($0) }.count
            guard indentation <= Self.deepestColumn else {
                throw .refused(place, "too many things are inside of each other")
            }
            var previous = UInt8(ascii: " ")
            for byte in line.utf8 {
                if byte == UInt8(ascii: "[") || byte == UInt8(ascii: "{") { brackets += 1 }
                let isAlias = previous == UInt8(ascii: "*") && !" \t\r*".utf8.contains(byte)
                if isAlias { aliases += 1 }
                previous = byte
            }
            guard brackets <= Self.mostBrackets else {
                throw .refused(place, "there are more than \(Self.mostBrackets) brackets")
            }
            guard aliases <= Self.mostAliases else {
                throw .refused(place, "there are more than \(Self.mostAliases) aliases")
            }
        }
    }

    // MARK: After

    private mutating func tree(_ node: Node, depth: Int) throws(MsgBusError) -> Tree {
        let place = place(node)
        nodes += 1
        guard nodes <= Self.mostNodes, depth <= Tree.deepest else {
            throw .refused(place, "too many things are inside of each other")
        }
        switch node {
        case .scalar(let scalar):
            return Tree(content: try content(scalar, place), place: place)
        case .sequence(let sequence):
            var list: [Tree] = []
            for node in sequence { list.append(try tree(node, depth: depth + 1)) }
            return Tree(content: .list(list), place: place)
        case .mapping(let mapping):
            var rows: [Tree.Row] = []
            for (key, value) in mapping {
                guard case .scalar(let scalar) = key else {
                    throw .refused(self.place(key), "a key has to be a single word")
                }
                guard scalar.string != "<<" else {
                    throw .refused(self.place(key), "merging blocks with << isn't supported: write the keys")
                }
                rows.append(
                    Tree.Row(key: scalar.string, place: self.place(key), value: try tree(value, depth: depth + 1))
                )
            }
            return Tree(content: .table(rows), place: place)
        case .alias:
            throw .refused(place, "an alias names nothing")
        }
    }

    private func content(_ scalar: Node.Scalar, _ place: Place) throws(MsgBusError) -> Tree.Content {
        let tag = scalar.tag.rawValue
        guard tag.isEmpty || Self.tags.contains(tag) else {
            throw .refused(place, "a value with a tag isn't supported: write the value as it is")
        }
        let text = scalar.string
        guard scalar.style == .plain, tag.isEmpty else {
            return .scalar(Scalar(text: text, kind: .text, isShowable: isInOneLine(text, place)))
        }
        if ["", "~", "null", "Null", "NULL"].contains(text) { return .null }
        return .scalar(Scalar(text: text, kind: .plain, isShowable: isInOneLine(text, place)))
    }

    private func isInOneLine(_ text: String, _ place: Place) -> Bool {
        guard let line = place.line, lines.indices.contains(line - 1) else { return false }
        return lines[line - 1].contains(text)
    }

    /// What the parser itself says of quoted text, and what says what the key says anyway.
    private static let tags = ["str", "int", "float", "bool"].map { "tag:yaml.org,2002:\($0)" }

    // MARK: Errors

    private func place(_ node: Node) -> Place {
        Place(name: name, line: node.mark?.line, column: node.mark?.column)
    }

    /// Without the lines of the file that the parser's own description shows: there may be a password in them.
    private func refusal(_ error: YamlError) -> MsgBusError {
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            let place = Place(name: name, line: mark.line, column: mark.column)
            if problem.contains("another document") {
                return .refused(place, "a second document begins here: a file has one")
            }
            if lines.indices.contains(mark.line - 1), lines[mark.line - 1].prefix(while: \.isWhitespace).contains("\t")
            {
                return .refused(place, "there is a tab in the indentation, and YAML takes spaces only")
            }
            return .refused(place, "this isn't YAML: \(problem)")
        case .reader(_, let offset, _, let text):
            let line = offset.map { offset in 1 + text.prefix(offset).count(where: \.isNewline) }
            return .refused(Place(name: name, line: line), "there is a character here that no text has")
        case .duplicatedKeysInMapping(let keys, let context):
            let place = Place(name: name, line: context.mark.line, column: context.mark.column)
            return .refused(place, "the key \"\(keys.first ?? "")\" is there twice")
        default:
            return .refused(Place(name: name), "this isn't YAML")
        }
    }
}
