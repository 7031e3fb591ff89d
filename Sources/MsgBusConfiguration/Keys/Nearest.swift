/// Finds the name that somebody may have meant.
enum Nearest {
    /// Names longer than this are nobody's typos, and comparing them takes time.
    private static let longest = 80

    /// The nearest of the names, if it is near enough to be worth a question.
    static func name(to name: String, in names: some Sequence<String>) -> String? {
        guard name.utf8.count <= longest else { return nil }
        let word = Array(name.lowercased().utf8)
        let limit = max(3, word.count / 2)
        return
            names
            .map { (name: $0, distance: Array($0.lowercased().utf8).difference(from: word).count) }
            .filter { $0.distance <= limit }
            .min { ($0.distance, $0.name) < ($1.distance, $1.name) }?
            .name
    }
}
