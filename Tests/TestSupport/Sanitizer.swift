import Foundation

/// What watches this process.
package enum Sanitizer {
    case address, thread

    package static let current: Sanitizer? =
        if dlsym(nil, "__asan_init") != nil { .address } else if dlsym(nil, "__tsan_init") != nil { .thread } else {
            nil
        }

    /// It shows also what librdkafka never frees. Where that is known, the test isn't run then, so that no report needs hiding.
    package static var findsLeaks: Bool { current == .address }
}
