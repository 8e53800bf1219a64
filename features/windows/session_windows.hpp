#pragma once

#include "features/aggregate/set.hpp"
#include "features/result.hpp"
#include "features/view.hpp"
#include "features/windows/carried_column.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

/// The view kind `session_window`: aggregates over rows that follow one another without a pause.
/// docs/views/windows.md says what users see.
namespace keyfold {

/// The definition of a view over sessions, compiled; plain data.
struct session_windows_settings {

  std::string name;
  std::string stream;
  std::optional<expression> where; ///< rows for which it does not hold are not for this view
  std::string where_text;          ///< as written
  duration gap{0};                 ///< rows further apart than this are of different sessions
  std::vector<aggregate_definition> outputs;
  std::string having; ///< a condition on what is published; may be empty
  /// Columns that are the same in all rows of a key, for the events emitted.
  std::vector<windows::carried_column> carry;
  duration readable_for{0};             ///< how long the last session can be read after its end
  uint32_t max_sessions_per_key = 1000; ///< open at one time
};

/// Checks the settings and makes the view. An error names the view and the place.
result<std::shared_ptr<const view>> make_session_windows(session_windows_settings settings);

} // namespace keyfold
