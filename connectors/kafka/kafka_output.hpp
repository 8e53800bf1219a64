#pragma once

#include "connectors/formats/row_writer.hpp"
#include "connectors/kafka/client.hpp"
#include "connectors/registry/schema_registry.hpp"
#include "messages/event_output.hpp"

#include <prometheus/registry.h>

#include <memory>
#include <string>
#include <vector>

namespace keyfold::kafka {

/// Where changes go, and how. Plain data.
struct output_settings {
  std::string name; ///< for messages and metrics
  std::string brokers;
  std::string topic;
  /// One per output, kept over restarts: its owner fences all others. Also the name of the group
  /// that holds the marker; no consumer may use that group.
  std::string transactional_id;
  row_format key_format = row_format::json;
  row_format value_format = row_format::json;
  row_style key_style;
  row_style value_style;
  std::vector<change_columns> columns; ///< by `change::source`; no key columns: records without key
  /// Of Avro: where schemas are registered, under `TOPIC-key` and `TOPIC-value`.
  std::shared_ptr<schema_registry> registry;
  std::string name_space;       ///< of the schemas' names
  bool register_schemas = true; ///< or they must be there
  bool create_topic = true;     ///< if it is missing
  int partitions = 4;           ///< of a topic that is created
  bool compacted = true;     ///< of a topic that is created: keep the last record per key for good
  properties passed_through; ///< librdkafka's, e.g. of SASL and TLS
};

/// Publishes each epoch as one Kafka transaction: upserts as records, deletes as tombstones, on the
/// partition where Java producers put the key. Exactly once: the transaction also commits the
/// marker, an offset of the group `transactional_id` at (topic, partition 0) with the metadata
/// `epoch=N`, which `open` reads back after fencing every other owner of the transactional id. See
/// docs/connectors/kafka.md.
///
/// @param registry where the metrics `keyfold_kafka_output_…` appear, labelled with the output
/// @return an error names a setting or property that cannot work; the broker is not asked yet
result<std::unique_ptr<event_output>>
make_kafka_output(output_settings settings, std::shared_ptr<prometheus::Registry> registry);

} // namespace keyfold::kafka
