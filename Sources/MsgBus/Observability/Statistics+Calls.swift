extension KafkaWriter {
    /// librdkafka's last word on its own work, at most ``MsgBusConfig/statisticsInterval`` old.
    ///
    /// - Returns: Nil before the first interval is over.
    /// - Throws: `.state` without a ``MsgBusConfig/statisticsInterval``; `.serialization` if it can't be read.
    public func statistics() throws(MsgBusError) -> Statistics? { try core.client.statistics(core.config) }
}

extension KafkaReader {
    /// librdkafka's last word on its own work, at most ``MsgBusConfig/statisticsInterval`` old.
    ///
    /// - Returns: Nil before the first interval is over.
    /// - Throws: `.state` without a ``MsgBusConfig/statisticsInterval``; `.serialization` if it can't be read.
    public func statistics() throws(MsgBusError) -> Statistics? { try core.client.statistics(core.config) }
}

extension KafkaClient {
    /// Read by who asks: nobody else pays for it.
    fileprivate func statistics(_ config: MsgBusConfig) throws(MsgBusError) -> Statistics? {
        let isOn = config.properties["statistics.interval.ms"].map { $0 != "0" } ?? (config.statisticsInterval != nil)
        guard isOn else {
            throw MsgBusError(.state, "librdkafka gathers no statistics: set MsgBusConfig.statisticsInterval")
        }
        guard let json = latestStatistics else { return nil }
        return try Statistics(json: json)
    }
}
