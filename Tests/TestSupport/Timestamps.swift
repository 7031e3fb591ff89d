import Foundation

/// A time of messages, in milliseconds since 1970, that isn't that of their writing, and isn't so old either that a broker deletes
/// them at once: the usual `retention.ms` is a week.
package func anHourAgo() -> Int64 { Int64(Date.now.timeIntervalSince1970 * 1000) - 3_600_000 }
