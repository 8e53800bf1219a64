#pragma once

#include "features/decay.hpp"
#include "features/expression.hpp"
#include "features/result.hpp"
#include "features/view.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// The view kind `attribution`: per key, which touches (clicks) a conversion (a purchase) is owed
/// to. docs/views/attribution.md says what users see.
namespace keyfold {

/// The definition of an `attribution` view, compiled; plain data.
struct attribution_settings {
  /// How the credit of a conversion is shared among the touches in its window.
  enum class model : uint8_t { first_click, last_click, linear, time_decay, position_based };
  enum class late_rows : uint8_t { fold, drop };

  struct role {
    std::string stream;
    std::vector<uint32_t> match_columns; ///< of the stream's rows, as many as of the other role
    std::vector<uint32_t> columns;       ///< of the stream's rows, those to emit
    std::vector<column> emitted;         ///< their names and types in the emitted rows
    std::optional<expression> where;     ///< rows for which it does not hold are not for this view
    std::string where_text;              ///< as written
  };

  std::string name;
  role touches;              ///< input 0
  role conversions;          ///< input 1
  std::vector<column> match; ///< what a touch and its conversion have in common, besides the key
  duration window{0}; ///< a touch counts from conversion − window to conversion, both included
  model credit = model::first_click;
  decay_rate rate;          ///< of `time_decay`
  double first_share = 0.4; ///< of `position_based`
  double last_share = 0.4;  ///< of `position_based`
  std::vector<std::string>
      published_key; ///< emitted columns that identify a published row; empty: none is
  late_rows late = late_rows::fold;
  uint32_t max_touches = 1000;             ///< per key
  uint32_t max_waiting_conversions = 1000; ///< per key
};

/// Checks the settings and makes the view. An error names the view and the place.
result<std::shared_ptr<const view>> make_attribution(attribution_settings settings);

} // namespace keyfold
