#if canImport(Darwin)
private import Darwin
#else
private import Glibc
#endif

/// One object for each thread, made when it is first used, and let go when the thread ends.
struct ThreadLocal<Value: AnyObject>: Sendable {
    private let key: pthread_key_t
    private let make: @Sendable () -> Value

    /// For ever: the key is never given back.
    init(_ make: @escaping @Sendable () -> Value) {
        self.make = make
        var key = pthread_key_t()
        pthread_key_create(&key) { pointer in
            #if canImport(Darwin)
            Unmanaged<AnyObject>.fromOpaque(pointer).release()
            #else
            if let pointer { Unmanaged<AnyObject>.fromOpaque(pointer).release() }
            #endif
        }
        self.key = key
    }

    /// Lends the current thread's object; whoever asks meanwhile gets another one.
    func use<Result>(_ body: (Value) -> Result) -> Result {
        let kept = pthread_getspecific(key).map { Unmanaged<Value>.fromOpaque($0).takeRetainedValue() }
        pthread_setspecific(key, nil)
        let value = kept ?? make()
        defer {
            if pthread_getspecific(key) == nil {
                pthread_setspecific(key, Unmanaged.passRetained(value).toOpaque())
            }
        }
        return body(value)
    }
}
