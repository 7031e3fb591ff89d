/// Where a setting stands: in a file with its line and column, in a variable, in an option of a command line.
struct Place: Sendable, Hashable, CustomStringConvertible {
    /// The file's path as the user gave it, the variable's name, and the like.
    var name: String
    var line: Int?
    var column: Int?

    var description: String {
        guard let line else { return name }
        guard let column else { return "\(name):\(line)" }
        return "\(name):\(line):\(column)"
    }
}
