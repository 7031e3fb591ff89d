/// How one partition flows into the reader.
struct Flow {
    /// Messages that were taken before it count no more: another assignment's, or of before a seek.
    var epoch: Int
    /// The offset after the last message that was taken from librdkafka and is still wanted; below zero while that is "the
    /// beginning" or unknown.
    var next: Int64
    /// The partition's end, when it was reached and nobody has been told yet.
    var end: Int64?
    /// The user paused it.
    var isPaused = false
    /// A message of it failed in a callback, and is to be tried again before the next one comes.
    var isRetrying = false
    /// It is being given up.
    var isLeaving = false
    /// It goes on, as soon as librdkafka has sought back to ``next``.
    var isReturning = false
    /// librdkafka was told to pause it.
    var isStopped = false

    /// Whether what arrives isn't what comes next.
    var isHeld: Bool { isPaused || isRetrying || isReturning }
}

/// What librdkafka has to be told about partitions that stop or go on.
struct FlowChanges {
    var stop: Set<TopicPartition> = []
    var go: Set<TopicPartition> = []
    /// Somebody is about to do it.
    var isScheduled = false

    var isEmpty: Bool { stop.isEmpty && go.isEmpty }
}
