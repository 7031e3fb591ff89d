/// Rows with aligned columns, for people.
struct Table {
    /// How a column stands.
    enum Column {
        case left(String)
        case right(String)
    }

    private let columns: [Column]
    private var rows: [[String]] = []

    init(_ columns: Column...) { self.columns = columns }

    var isEmpty: Bool { rows.isEmpty }

    mutating func append(_ cells: String...) { rows.append(cells) }

    /// The heads and the rows, with two spaces between the columns and none at the ends of the lines.
    var lines: [String] {
        let heads = columns.map { column in
            switch column {
            case .left(let head), .right(let head): head
            }
        }
        let all = [heads] + rows
        let widths = columns.indices.map { index in all.map { $0[index].count }.max() ?? 0 }
        return all.map { row in
            var line = ""
            for (index, cell) in row.enumerated() {
                let filling = String(repeating: " ", count: widths[index] - cell.count)
                if case .right = columns[index] { line += filling + cell } else { line += cell + filling }
                line += "  "
            }
            while line.last == " " { line.removeLast() }
            return line
        }
    }
}
