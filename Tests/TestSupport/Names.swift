import Synchronization

private let last = Atomic(0)

/// A name that no other test of this run or of an earlier one has.
package func unique(_ name: String) -> String {
    "\(name)-\(last.add(1, ordering: .relaxed).newValue)-\(UInt32.random(in: 0...UInt32.max))"
}
