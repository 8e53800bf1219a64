#pragma once

#include "features/aggregate/set.hpp"
#include "features/result.hpp"
#include "features/view.hpp"
#include "features/windows/carried_column.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

/// The view kinds `over_window` and `aggregate`: for every row, aggregates over the rows up to it.
/// docs/views/windows.md says what users see.
namespace keyfold {

/// The definition of a view over the rows before each row, compiled; plain data.
struct row_windows_settings {
  /// An aggregate over the rows of a frame that ends with the row; over all of them without a
  /// bound.
  struct output {
    aggregate_definition aggregate;
    std::optional<duration> size; ///< rows not older than this, both ends included
    std::optional<uint32_t> rows; ///< the last so many, the row itself included
  };

  std::string kind = "over_window";
  std::string name;
  std::string stream;
  std::optional<expression> where; ///< rows for which it does not hold are not for this view
  std::string where_text;          ///< as written
  std::vector<output> outputs;     ///< with `keep`, at least one
  std::vector<windows::carried_column> keep; ///< columns of the row published with it
  bool peers = true;      ///< a frame by time ends with the last row of the same time
  bool skip_same = false; ///< publish only what differs from the row before
  bool fold_late = false; ///< late rows change the values of the newest row; frames unbounded
  std::string having;     ///< a condition on what is published; may be empty
  std::optional<duration> time_to_live; ///< of a key, from its newest row
  uint32_t max_rows_per_key = 100'000;  ///< waiting, and in frames
};

/// Checks the settings and makes the view. An error names the view and the place.
result<std::shared_ptr<const view>> make_row_windows(row_windows_settings settings);

} // namespace keyfold
