#pragma once

#include "connectors/dynamodb/item_writer.hpp"
#include "connectors/dynamodb/service.hpp"
#include "messages/dead_letter_queue.hpp"
#include "messages/event_output.hpp"

#include <prometheus/registry.h>

#include <memory>
#include <string>

namespace keyfold::dynamodb {

/// Where changes go, and how. Plain data.
struct output_settings {
  std::string name; ///< for messages and metrics
  connection_settings connection;
  std::string table;
  bool create_table = false; ///< tables that are missing, paid by the request
  item_settings item;        ///< with a `version` rows are put one by one, if theirs is newer
  change_columns columns;    ///< of the one view or stream
  size_t max_in_flight = 8;  ///< requests
  std::string marker_table;  ///< holds the newest epoch, by `pipeline`; empty: nothing does
  std::string pipeline;      ///< this output's key there
};

/// Puts each row as an item, deletes that of each row deleted. Idempotent: an epoch may be written
/// again, in part or as a whole, and the table is the same at the end. See
/// docs/connectors/dynamodb.md.
///
/// @param registry where the metrics `keyfold_dynamodb_output_…` appear, labelled with the output
/// @param letters takes the rows that DynamoDB refuses
/// @return an error names a setting that cannot work; DynamoDB is not asked yet
result<std::unique_ptr<event_output>>
make_dynamodb_output(output_settings settings, std::shared_ptr<prometheus::Registry> registry,
                     std::shared_ptr<dead_letter_queue> letters);

} // namespace keyfold::dynamodb
