// swift-tools-version: 6.2

import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

// glibc shows some of what it has only to those who ask.
let glibc: [CSetting] = [.define("_GNU_SOURCE")]

// A package of its own: who depends on MsgBus needs none of this. `scripts/bench` builds and runs it.
let package = Package(
    name: "Benchmarks",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "bench", targets: ["Bench"]),
        .executable(name: "msgbus-cases", targets: ["Cases"]),
        .executable(name: "baseline", targets: ["Baseline"]),
        // Preloaded where allocations are counted, so that it costs nothing where time is measured.
        .library(name: "Allocations", type: .dynamic, targets: ["CAllocations"]),
    ],
    dependencies: [
        .package(name: "MsgBus", path: ".."),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    ],
    targets: [
        .systemLibrary(name: "CLibrdkafka", pkgConfig: "rdkafka"),
        .target(name: "CAllocations", cSettings: glibc),
        .executableTarget(name: "Baseline", dependencies: ["CLibrdkafka"], cSettings: glibc),
        .executableTarget(
            name: "Cases",
            dependencies: [.product(name: "MsgBus", package: "MsgBus")],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "Bench",
            dependencies: [
                .product(name: "MsgBus", package: "MsgBus"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: settings
        ),
    ],
    swiftLanguageModes: [.v6]
)
