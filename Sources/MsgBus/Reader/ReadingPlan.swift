/// What a reader begins with: what it is subscribed to, and how many partitions those topics have.
struct ReadingPlan: Sendable {
    let subscription: Subscription
    let partitions: [String: Int]
}
