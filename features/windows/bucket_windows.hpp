#pragma once

#include "features/aggregate/set.hpp"
#include "features/result.hpp"
#include "features/view.hpp"
#include "features/windows/carried_column.hpp"
#include "features/windows/time_zone.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

/// The view kinds `sliding_window` and `tumbling_window`: aggregates over the last so many steps,
/// at the end of every step. docs/views/windows.md says what users see.
namespace keyfold {

/// The definition of a view over sliding or tumbling windows, compiled; plain data.
struct bucket_windows_settings {
  /// An aggregate over windows of one size.
  struct output {
    aggregate_definition aggregate;
    duration size; ///< a multiple of the step
  };

  std::string kind = "sliding_window";
  std::string name;
  std::string stream;
  std::optional<expression> where; ///< rows for which it does not hold are not for this view
  std::string where_text;          ///< as written
  duration step{0};
  time_zone zone;        ///< buckets begin when its clocks show a multiple of the step
  std::string zone_name; ///< for the fingerprint
  std::vector<output> outputs;
  bool empty_window_output = true;
  bool skip_same_window_output = true;
  std::string having; ///< a condition on what is published; may be empty
  /// Columns that are the same in all rows of a key, for the events emitted.
  std::vector<windows::carried_column> carry;
  uint32_t max_buckets_per_key = 100'000;
};

/// Checks the settings and makes the view. An error names the view and the place.
result<std::shared_ptr<const view>> make_bucket_windows(bucket_windows_settings settings);

} // namespace keyfold
