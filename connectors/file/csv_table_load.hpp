#pragma once

#include "connectors/formats/record_decoder.hpp"
#include "features/table.hpp"
#include "messages/event_source.hpp"
#include "messages/table_source.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace keyfold {

struct csv_table_settings {
  std::shared_ptr<table> held;
  std::shared_ptr<const stream_schema> schema; ///< of its rows, column by column; without a time
  record_format_settings format;               ///< `record_format::csv`
  std::string path;
  std::chrono::milliseconds settle{500}; ///< a file that changed must have been still for so long
  uint64_t max_bad_rows = 1000;
  table_bounds bounds;
};

/// What a file came to.
struct loaded_csv {
  std::unique_ptr<table_snapshot> rows;
  uint64_t duplicate_keys = 0;
  std::vector<dead_letter> bad_rows;
};

/// Why a file is refused as a whole.
struct refused_csv {
  load_failure reason;
  std::string sentence; ///< names the file and the remedy
};

/// Reads a whole table of the file `descriptor`, which is at the settings' path. A row that cannot
/// be read is left out, with its reason and `path:line`; what is beyond a bound is not read.
tl::expected<loaded_csv, refused_csv> load_csv(const csv_table_settings& settings, int descriptor);

} // namespace keyfold
