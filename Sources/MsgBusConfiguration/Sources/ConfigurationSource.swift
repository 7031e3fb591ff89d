public import Configuration
public import Foundation
package import MsgBus

/// Where settings come from: a file, the environment, a `ConfigReader` of swift-configuration, or single values.
///
/// ```swift
/// let config = try MsgBusConfig(topic: "orders", direction: .reader, from: .environment(), .file("bus.yaml"))
/// ```
public struct ConfigurationSource: Sendable {
    /// What it has, in layers of which an earlier one counts more.
    let layers: @Sendable () throws(MsgBusError) -> [[Entry]]

    /// A file in YAML or JSON, with the keys of <doc:Keys>.
    ///
    /// cn-infra's `kafka.conf`, and CORTX's `message_bus.conf` and `cluster.conf`, are recognised by what is in them. The file is read
    /// when the configuration is made, at most 1 MiB of it.
    ///
    /// - Parameter path: Its path. What ends in `.json` has to be JSON, in `.yaml` or `.yml` YAML; other files are JSON if they begin
    ///   with a brace.
    public static func file(_ path: String) -> Self {
        Self { () throws(MsgBusError) in [try Dialect.entries(of: ConfigurationFile(path: path).tree())] }
    }

    /// Text as a file has it, for example one that came over the network.
    ///
    /// - Parameters:
    ///   - text: The text.
    ///   - name: What errors call it; by its end it is YAML or JSON, see ``file(_:)``.
    public static func text(_ text: String, name: String) -> Self {
        Self { () throws(MsgBusError) in
            [try Dialect.entries(of: ConfigurationFile.tree(of: Array(text.utf8), in: name))]
        }
    }

    /// Variables of the environment: a prefix and the key's name in capitals, with `_` for its dots, as `MSGBUS_WRITER_LINGER`.
    ///
    /// A property of librdkafka is `MSGBUS_PROPERTIES_CLIENT_RACK`. An empty variable counts as none. A variable with the prefix that no
    /// key has is an error, for it is a typo; only what Kubernetes sets for services called `msgbus` or
    /// `msgbus-…` is left alone.
    /// `MSGBUS_CONFIG` names a file, which is read too, and counts less than the variables.
    ///
    /// - Parameters:
    ///   - variables: The variables. Default: this process's.
    ///   - prefix: What their names begin with. Another one keeps a second bus apart.
    ///   - readsFile: Whether the file of `MSGBUS_CONFIG` is read. Default: yes.
    public static func environment(
        _ variables: [String: String] = ProcessInfo.processInfo.environment,
        prefix: String = "MSGBUS_",
        readsFile: Bool = true
    ) -> Self {
        let environment = Environment(variables: variables, prefix: prefix)
        return Self { () throws(MsgBusError) in
            var layers = [try environment.entries()]
            if readsFile, let path = environment.file { layers += try Self.file(path).layers() }
            return layers
        }
    }

    /// swift-configuration's reader, with whatever providers it has.
    ///
    /// The keys are those of <doc:Keys> with each part in camel case, as `writer.deliveryTimeout`; properties are a list
    /// `properties` of texts `name=value`. Give a scoped reader to have them below a key of your own. A reader can't list its keys,
    /// so a typo in one is not seen.
    ///
    /// - Parameter reader: The reader. It is asked for every key when the configuration is made, for passwords as secrets.
    public static func reader(_ reader: ConfigReader) -> Self {
        Self { () throws(MsgBusError) in [try ReaderSource(reader: reader).entries()] }
    }

    /// The same, read now, for several configurations: what is a pipe can be read only once.
    ///
    /// - Throws: What is wrong with what it says, as far as that is seen without its values, and secrets' files that can't be read.
    package func readOnce() throws(MsgBusError) -> Self {
        var layers = try layers()
        for layer in layers.indices {
            for index in layers[layer].indices { try layers[layer][index].readFile() }
        }
        let read = layers
        return Self { () throws(MsgBusError) in read }
    }

    /// One setting, for example an option of a command line.
    ///
    /// - Parameters:
    ///   - key: Its key in a file, as `writer.linger` or `properties.client.rack`.
    ///   - value: Its value, as in a file.
    ///   - place: What errors call the place where it stands, as `--linger`.
    public static func setting(_ key: String, _ value: String, from place: String) -> Self {
        Self { () throws(MsgBusError) in
            let place = Place(name: place)
            let tree = Tree(content: .scalar(Scalar(text: value, kind: .text)), place: place)
            return [try Dialect.own([Tree.Row(key: key, place: place, value: tree)])]
        }
    }
}
