/// A key of the settings: what there is to know of it. The list of all is the table in <doc:Keys>.
public struct ConfigurationKey: Sendable, Hashable {
    /// Its name in files, as `writer.linger`, which stands for `linger` in a block `writer`.
    public let name: String

    /// Its variable in the environment, without the prefix.
    public let variable: String

    /// What a value looks like.
    public let type: String

    /// The value if nobody sets it; nil for none.
    public let standard: String?

    /// What it does.
    public let about: String

    /// Whether its value is never shown.
    public let isSecret: Bool

    /// All keys.
    public static let all = Keys.all.list.map { key in
        ConfigurationKey(
            name: key.name,
            variable: key.variable + (key.isTable ? "_…" : ""),
            type: key.type,
            standard: key.standard,
            about: key.about,
            isSecret: key.isSecret
        )
    }

    /// The keys as a table in Markdown.
    public static var table: String {
        let rows = all.map { key in
            "| `\(key.name)` | `\(key.variable)` | \(key.type) | \(key.standard.map { "`\($0)`" } ?? "") | \(key.about) |\n"
        }
        return "| Key | Variable, after `MSGBUS_` | Value | Default | |\n|---|---|---|---|---|\n" + rows.joined()
    }
}
