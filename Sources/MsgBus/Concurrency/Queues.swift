internal import Dispatch

extension DispatchQueue {
    /// A serial queue of this library's.
    ///
    /// Off Apple's systems each quality of service has a pool of at most 255 threads. The application may block all of the default
    /// one in calls like `messageRead`; what wakes them must not be waiting for a thread of the same pool.
    static func ours(_ label: String) -> DispatchQueue { DispatchQueue(label: label, qos: .userInitiated) }
}
