#pragma once

#include "connectors/formats/row_writer.hpp"
#include "connectors/s2/requests.hpp"
#include "messages/dead_letter_queue.hpp"
#include "messages/event_output.hpp"

#include <prometheus/registry.h>

#include <memory>
#include <string>
#include <vector>

namespace keyfold::s2 {

/// Where changes go, and how. Plain data.
struct output_settings {
  std::string name; ///< for messages and metrics
  basin_settings basin;
  std::string stream;
  std::string transactional_id; ///< one per output, kept over restarts: markers are under it
  bool upsert = true;           ///< with the headers @key and @action; or only bodies
  bool create_stream = true;    ///< if it is missing
  bool event_time = false;      ///< is the records' timestamp; or the service says when they came
  row_format key_format = row_format::json;
  row_format value_format = row_format::json;
  row_style key_style;
  row_style value_style;
  std::vector<change_columns> columns; ///< by `change::source`
  /// For rows that are larger than the service takes; null: they end the output.
  std::shared_ptr<dead_letter_queue> letters;
};

/// Publishes each epoch as appends to one stream of a basin: upserts with the headers `@key` and
/// `@action` (`u`; `d` of a delete, whose body is empty), or rows alone. Exactly once: `open`
/// fences all others off, each append names the number its first record must get and ends with a
/// marker of epoch and progress, which `open` reads back; what became of an append whose answer was
/// lost is read back, too. See docs/connectors/s2.md.
///
/// @param registry where the metrics `keyfold_s2_output_…` appear, labelled with the output
/// @return an error names a setting that cannot work; the service is not asked yet
result<std::unique_ptr<event_output>>
make_s2_output(output_settings settings, std::shared_ptr<prometheus::Registry> registry);

} // namespace keyfold::s2
