internal import MsgBus

/// A setting that a source has.
struct Entry: Sendable {
    let key: Key
    /// The name in the key's table, if it is one.
    var name = ""
    let value: Tree
    /// Where it stands, for people.
    let place: Place

    /// The whole name.
    var fullName: String { key.isTable ? "\(key.name).\(name)" : key.name }

    /// Puts it in; what is wrong with it is said with key, place and value.
    func apply(to draft: inout Draft) throws(MsgBusError) {
        do {
            try key.apply(&draft, value, name)
        } catch {
            guard error.isAboutValue, let shown else { throw .refused(place, "\(fullName): \(error.why)") }
            throw .refused(place, "\(fullName) can't be \"\(shown)\": \(error.why)")
        }
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
