#pragma once

#include "features/expression.hpp"
#include "features/result.hpp"
#include "features/view.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// The view kind `latest`: per key, columns of the newest row by event time. docs/views/latest.md
/// says what users see.
namespace keyfold {

/// The definition of a `latest` view, compiled; plain data.
struct latest_settings {
  enum class late_rows : uint8_t { fold, drop };

  std::string name;
  std::string stream;
  std::vector<column> columns;           ///< what is kept, as features
  std::vector<uint32_t> column_places;   ///< of the stream's rows, in the order of `columns`
  std::string time_feature;              ///< the newest row's time as a feature; empty: none
  std::optional<expression> where;       ///< rows for which it does not hold are not for this view
  std::string where_text;                ///< as written
  std::optional<expression> delete_when; ///< rows for which it holds delete what is older
  std::string delete_text;               ///< as written
  std::optional<duration> time_to_live;  ///< of the value, from its row
  duration tombstones{86'400'000'000};   ///< how long a deletion is remembered
  late_rows late = late_rows::fold;
};

/// Checks the settings and makes the view. An error names the view and the place.
result<std::shared_ptr<const view>> make_latest(latest_settings settings);

} // namespace keyfold
