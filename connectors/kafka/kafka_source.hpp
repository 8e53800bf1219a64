#pragma once

#include "connectors/formats/record_decoder.hpp"
#include "connectors/kafka/client.hpp"
#include "messages/event_source.hpp"

#include <prometheus/registry.h>

#include <memory>
#include <string>
#include <vector>

namespace keyfold::kafka {

/// What is read, and how. Plain data.
struct source_settings {
  /// Where a partition begins that the ledger says nothing about.
  enum class start : uint8_t { earliest, latest, timestamp };
  /// What to do when the records at the ledger's position are no longer in the topic: refuse to go
  /// on, or go on at one end and count it.
  enum class missing : uint8_t { refuse, earliest, latest };

  std::string application;         ///< names the client, and by default the group
  std::string brokers;             ///< host:port, separated by commas
  std::vector<std::string> topics; ///< or
  std::string topic_pattern;       ///< a POSIX extended regular expression for the whole name
  start start_at = start::earliest;
  event_time start_time = beginning_of_time; ///< of `start::timestamp`: Kafka's record timestamps
  missing on_missing = missing::refuse;
  duration max_lead = std::chrono::minutes{1}; ///< in event time; beyond it a partition waits for
                                               ///< the one that is furthest behind
  std::string group;                           ///< default: the application's name
  std::string instance_id;   ///< of static membership; empty: the membership is dynamic
  properties passed_through; ///< librdkafka's, e.g. of SASL and TLS
  record_format_settings format;
  bool until_end = false; ///< bounded: a partition ends where its log ended when it was assigned
};

/// Reads Kafka topics: one queue per partition, positions from the ledger (mirrored to the consumer
/// group for others to see), committed transactions only. See docs/connectors/kafka.md.
///
/// A record without a value (tombstone) is no event: it counts as filtered. One that cannot be
/// decoded is a dead letter whose place is `topic-partition@offset`. Partitions are named
/// `topic-partition`. `poll` with `max_rows == 0` reads nothing but keeps up the group membership.
///
/// @param registry where the metrics `keyfold_kafka_source_…` appear, labelled with the stream
/// @return an error names a property, a pattern or a format setting that cannot work; the broker is
/// not asked yet
result<std::unique_ptr<event_source>>
make_kafka_source(source_settings settings, std::shared_ptr<const stream_schema> schema,
                  std::shared_ptr<prometheus::Registry> registry);

} // namespace keyfold::kafka
