// swift-tools-version: 6.2

import PackageDescription

// Our own scripts turn warnings into errors. Who depends on this package is never failed by a newer compiler's warning.
let warningsAreErrors = Context.environment["MSGBUS_WARNINGS_AS_ERRORS"] == "1"

let settings: [SwiftSetting] =
    [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
        // Messages that are lent, and can't outlive the loan (BorrowedMessages).
        .enableExperimentalFeature("Lifetimes"),
    ] + (warningsAreErrors ? [.treatAllWarnings(as: .error)] : [])

let package = Package(
    name: "MsgBus",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "MsgBus", targets: ["MsgBus"]),
        .library(name: "MsgBusConfiguration", targets: ["MsgBusConfiguration"]),
        .executable(name: "msgbus", targets: ["MsgBusCLI"]),
    ],
    traits: [
        .trait(
            name: "ServiceLifecycle",
            description:
                "Readers and writers are services of swift-service-lifecycle, which brings dependencies of its own."
        ),
        .default(enabledTraits: ["ServiceLifecycle"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        // Without its traits, which read files: ours does that, and says where in a file something is wrong.
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0", traits: []),
        .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.7.3"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        .systemLibrary(
            name: "CRdKafka",
            pkgConfig: "rdkafka",
            providers: [.apt(["librdkafka-dev"]), .brew(["librdkafka"])]
        ),
        .target(
            name: "MsgBus",
            dependencies: [
                "CRdKafka",
                .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "Logging", package: "swift-log"),
                .product(
                    name: "ServiceLifecycle",
                    package: "swift-service-lifecycle",
                    condition: .when(traits: ["ServiceLifecycle"])
                ),
                .product(name: "Tracing", package: "swift-distributed-tracing"),
            ],
            swiftSettings: settings
        ),
        // Configurations from files, environments and swift-configuration. Who needs none of them builds none of their packages.
        .target(
            name: "MsgBusConfiguration",
            dependencies: [
                "MsgBus",
                .product(name: "Configuration", package: "swift-configuration"),
                .product(name: "Yams", package: "Yams"),
            ],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "MsgBusCLI",
            dependencies: [
                "MsgBus", "MsgBusConfiguration",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "TestSupport",
            dependencies: ["MsgBus", .product(name: "Logging", package: "swift-log")],
            path: "Tests/TestSupport",
            exclude: ["Proxy/kafka-proxy.py", "Proxy/logins.py"],
            swiftSettings: settings
        ),
        // Apart from the support, which programs that aren't tests have as well.
        .target(name: "TestTraits", path: "Tests/TestTraits", swiftSettings: settings),
        // `scripts/torture`: not a test of `swift test`, for it can be run for as long as one likes.
        .executableTarget(
            name: "Torture",
            dependencies: [
                "MsgBus", "TestSupport",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Tests/Torture",
            swiftSettings: settings
        ),
        // `scripts/fuzz`: as the torture test, for as long as one likes.
        .executableTarget(
            name: "Fuzz",
            dependencies: [
                "MsgBus", "MsgBusConfiguration", "TestSupport",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Configuration", package: "swift-configuration"),
                .product(name: "InMemoryTracing", package: "swift-distributed-tracing"),
                .product(name: "Tracing", package: "swift-distributed-tracing"),
            ],
            path: "Tests/Fuzz",
            swiftSettings: settings
        ),
        .testTarget(
            name: "MsgBusTests",
            dependencies: [
                "CRdKafka", "MsgBus", "TestSupport", "TestTraits",
                .product(name: "InMemoryTracing", package: "swift-distributed-tracing"),
                .product(name: "MetricsTestKit", package: "swift-metrics"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "ServiceLifecycleTestKit", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "ConfigurationTests",
            dependencies: [
                "MsgBus", "MsgBusConfiguration", "TestSupport",
                .product(name: "Configuration", package: "swift-configuration"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "IntegrationTests",
            dependencies: ["MsgBus", "TestSupport", "TestTraits"],
            swiftSettings: settings
        ),
        // Runs the built `msgbus` as its users do, in processes.
        .testTarget(name: "CLITests", dependencies: ["CRdKafka", "MsgBus", "TestSupport"], swiftSettings: settings),
    ],
    swiftLanguageModes: [.v6]
)
