/// A first-in-first-out list: appends at the end and takes from the front in constant time.
struct FIFO<Element> {
    /// What was taken out of the middle leaves a hole until the front passes it.
    private var elements: [Element?] = []
    private var head = 0
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }

    /// How many places it takes, with all holes.
    var room: Int { elements.count }

    /// The front, which is never a hole. Only to be changed where there is one, and to another one.
    var first: Element? {
        get { isEmpty ? nil : elements[head] }
        set { elements[head] = newValue }
    }

    /// The end; nil also where it was removed. To be changed as ``first``.
    var last: Element? {
        get { isEmpty ? nil : elements[elements.count - 1] }
        set { elements[elements.count - 1] = newValue }
    }

    mutating func append(_ element: Element) {
        elements.append(element)
        count += 1
    }

    mutating func popFirst() -> Element? {
        guard !isEmpty else { return nil }
        let element = elements[head]
        elements[head] = nil
        count -= 1
        trim()
        return element
    }

    mutating func remove(where isMatch: (Element) -> Bool) -> Element? {
        guard let index = elements[head...].firstIndex(where: { $0.map(isMatch) ?? false }) else { return nil }
        let element = elements[index]
        elements[index] = nil
        count -= 1
        trim()
        return element
    }

    private mutating func trim() {
        guard count > 0 else {
            elements.removeAll(keepingCapacity: true)
            head = 0
            return
        }
        while elements[head] == nil { head += 1 }
        // All holes, also those behind a front that stays: half of them at most are kept.
        if elements.count > 64, count * 2 < elements.count {
            elements.removeAll { $0 == nil }
            head = 0
        }
    }
}

extension FIFO: Sequence {
    func makeIterator() -> some IteratorProtocol<Element> { elements[head...].lazy.compactMap { $0 }.makeIterator() }
}
