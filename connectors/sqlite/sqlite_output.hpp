#pragma once

#include "messages/change_log.hpp"
#include "messages/dead_letter_queue.hpp"
#include "messages/event_output.hpp"
#include "messages/metrics.hpp"

#include <chrono>
#include <memory>
#include <string>

namespace keyfold::sqlite {

/// Where changes go, and how. Plain data.
struct output_settings {
  std::string name;     ///< of the output, for messages and metrics
  std::string pipeline; ///< what its marker is called: one per output that writes to the file
  std::string path;     ///< of the database file
  std::string table;
  bool create_table = true;                  ///< and the file, if it is missing
  std::chrono::milliseconds lock_wait{5000}; ///< for locks of others, before the attempt fails
  change_columns columns;
};

/// Keeps a table of a SQLite file as a view has it: upserts and deletes by key; or appends the
/// events of a stream. Exactly once: an epoch is one transaction, which also writes the row
/// (pipeline, epoch) of the table `keyfold_epochs` in the same file.
///
/// The file's table is checked when it is opened; a row that it refuses becomes a dead letter. See
/// docs/connectors/sqlite.md.
///
/// @param letters where rows go that the table refuses
/// @return an error names a setting that cannot work; the file is not looked at yet
result<std::unique_ptr<event_output>>
make_sqlite_output(output_settings settings, std::shared_ptr<dead_letter_queue> letters,
                   const std::shared_ptr<metrics_registry>& metrics);

} // namespace keyfold::sqlite
