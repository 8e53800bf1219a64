#pragma once

#include "features/expression.hpp"
#include "features/result.hpp"
#include "features/view.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// The view kind `as_of`: per key, the versions of a value over time, and rows of another stream
/// joined with the version that was valid at their time. docs/views/as-of.md says what users see.
namespace keyfold {

/// The definition of an `as_of` view, compiled; plain data.
struct as_of_settings {
  enum class late_rows : uint8_t { fold, drop };

  struct role {
    std::string stream;
    std::vector<uint32_t> columns;   ///< of the stream's rows
    std::vector<column> named;       ///< their names and types in features and emitted rows
    std::optional<expression> where; ///< rows for which it does not hold are not for this view
    std::string where_text;          ///< as written
  };

  std::string name;
  role values;              ///< input 0: each row is a version
  std::optional<role> rows; ///< input 1: what is joined; none: the view keeps the value only
  bool inner = false;       ///< rows without a version are left out, and counted as skipped
  duration history{0}; ///< versions stay for so long after the watermark has passed what ended them
  std::optional<duration> time_to_live; ///< of a version, from its time
  late_rows late = late_rows::fold;
  uint32_t max_versions = 1000;       ///< per key
  uint32_t max_waiting_rows = 10'000; ///< per key
};

/// Checks the settings and makes the view. An error names the view and the place.
result<std::shared_ptr<const view>> make_as_of(as_of_settings settings);

} // namespace keyfold
