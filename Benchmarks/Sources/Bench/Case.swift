/// What a client has to do.
struct Load: Hashable {
    var messages: Int
    /// Bytes of a message.
    var size = 100
    var partitions = 4
    /// How many tasks, readers or writers.
    var clients = 1
    /// How many messages are written one by one before anything is measured.
    var warmup = 1
    /// How long, where it isn't messages that end it.
    var seconds = 0.0
    /// Whether a reader begins to read only when all is fetched: what is left is the cost of handing messages over.
    var isPrefetched = false
}

/// What a case compares.
enum Metric {
    /// Messages a second: more is better.
    case rate
    /// Microseconds, half of them took less: less is better.
    case latency
    /// Processor seconds a second: less is better.
    case core
    /// Bytes: less is better.
    case memory
}

/// One way to do it: a program and the name of a case in it.
struct Client {
    enum Program: String {
        case baseline = "C"
        case msgbus = "MsgBus"
        case python = "Python"
    }

    let program: Program
    let command: String
    /// What it calls.
    let title: String
    /// Where it isn't the case's.
    var load: Load?

    static func c(_ command: String, _ title: String, _ load: Load? = nil) -> Client {
        Client(program: .baseline, command: command, title: title, load: load)
    }

    static func msgbus(_ command: String, _ title: String, _ load: Load? = nil) -> Client {
        Client(program: .msgbus, command: command, title: title, load: load)
    }

    static func python(_ command: String, _ title: String) -> Client {
        Client(program: .python, command: command, title: title, load: nil)
    }

    var name: String { "\(program.rawValue) \(title)" }
}

/// What is demanded of a client.
struct Demand {
    enum Kind {
        /// So many times what another client does.
        case atLeast(Double)
        case atMost(Double)
        /// So many a second, or so many times what another client does, whichever is lower.
        case atLeastEither(rate: Double, Double)
        /// So much more of a core than another client.
        case atMostMore(Double)
    }

    /// The commands of the two.
    let client: String
    let kind: Kind
    let other: String

    init(_ client: String, _ kind: Kind, of other: String) {
        self.client = client
        self.kind = kind
        self.other = other
    }
}

/// Clients that do the same.
struct Case {
    enum Topic {
        /// A fresh one for each run.
        case fresh
        /// So many fresh ones for each run, as many as the load has clients.
        case freshForEachClient
        /// One that is filled beforehand, and stays as it is.
        case filled
        /// One that stays empty.
        case empty
    }

    let name: String
    let metric: Metric
    let load: Load
    let topic: Topic
    let settings: Settings
    let clients: [Client]
    /// The commands that the others are compared with.
    let baselines: [String]
    var demands: [Demand] = []

    func load(of client: Client) -> Load { client.load ?? load }
}
