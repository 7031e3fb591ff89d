import Testing

/// `#expect` for conditions that change something: the macro can't evaluate a call of a mutating method.
func check(_ condition: Bool, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(condition, sourceLocation: sourceLocation)
}
