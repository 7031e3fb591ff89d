/// Finds the name that somebody may have meant.
enum Spelling {
    /// The nearest of the names, if it is near enough to be worth a question: at most a third of the letters differ.
    static func nearest(to name: String, in names: some Sequence<String>) -> String? {
        // Nobody's typo is as long, and comparing takes time.
        guard name.utf8.count <= 100 else { return nil }
        let word = Array(name.utf8)
        let limit = max(2, word.count / 3)
        return
            names
            .map { (name: $0, distance: distance(word, Array($0.utf8))) }
            .filter { $0.distance <= limit }
            .min { ($0.distance, $0.name) < ($1.distance, $1.name) }?
            .name
    }

    /// How many letters have to be added, removed or changed (Levenshtein's distance).
    private static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var row = Array(0...right.count)
        for (i, a) in left.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, b) in right.enumerated() {
                let substitution = diagonal + (a == b ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(substitution, row[j] + 1, diagonal + 1)
            }
        }
        return row[right.count]
    }
}
