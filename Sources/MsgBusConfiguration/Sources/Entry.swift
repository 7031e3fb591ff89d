internal import MsgBus

/// A setting that a source has.
struct Entry: Sendable {
    let key: Key
    /// The name in the key's table, if it is one.
    let name: String
    let value: Tree
    /// Where it stands, for people.
    let place: Place
    /// Which source it is from, counted from the one that counts most.
    var layer = 0

    /// The whole name.
    var fullName: String { key.isTable ? "\(key.name).\(name)" : key.name }

    /// What is in the file that the value names, once it has been read.
    private var contents: Tree?

    init(key: Key, name: String = "", value: Tree, place: Place) {
        self.key = key
        self.name = name
        self.value = value
        self.place = place
    }

    /// Puts it in; what is wrong with it is said with key, place and value.
    func apply(to draft: inout Draft) throws(MsgBusError) {
        do {
            try key.apply(&draft, contents ?? value, name)
        } catch {
            throw refusal(error)
        }
    }

    /// Reads the file that it names, if its key is one of those.
    mutating func readFile() throws(MsgBusError) {
        guard key.isFileOfSecret, contents == nil else { return }
        do {
            let text = try SecretFile.text(Codec<String>.text.decode(value))
            contents = Tree(content: .scalar(Scalar(text: text, kind: .text)), place: value.place)
        } catch {
            throw refusal(error)
        }
    }

    private func refusal(_ complaint: Complaint) -> MsgBusError {
        guard complaint.isAboutValue, let shown else { return .refused(place, "\(fullName): \(complaint.why)") }
        return .refused(place, "\(fullName) can't be \"\(shown)\": \(complaint.why)")
    }

    /// The value, as far as it may be seen.
    private var shown: String? {
        guard !isSecret, case .scalar(let scalar) = value.content, scalar.isShowable,
            !scalar.text.contains(where: \.isNewline)
        else {
            return nil
        }
        return scalar.text.count <= 100 ? scalar.text : String(scalar.text.prefix(100)) + "…"
    }

    private var isSecret: Bool { key.isSecret || Setting.isSecret(name) }
}
