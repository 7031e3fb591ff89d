internal import CoreMetrics
internal import Tracing

/// What observes a connection: the metrics factory and the tracer that were there when it was made.
///
/// Both are nil for a process that has none, so that nothing but a branch is left of them.
struct Instruments: Sendable {
    let metrics: (any MetricsFactory)?
    let traces: Traces?

    /// Those of the task or the process. Asked on the caller's side of `connect`, where a task's own are known.
    static func current() -> Instruments {
        let factory = MetricsSystem.factory
        return Instruments(metrics: factory is NOOPMetricsHandler ? nil : factory, traces: Traces.current())
    }
}
