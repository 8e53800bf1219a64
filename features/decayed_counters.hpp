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

/// The view kind `decayed_counters`: per key and group of events, sums that decay with event time.
/// docs/views/decayed-counters.md says what users see.
namespace keyfold {

/// The definition of a `decayed_counters` view, compiled; plain data.
struct decayed_counters_settings {
  /// A stream folded.
  struct input {
    std::string stream;
    std::vector<uint32_t> group_columns; ///< of the stream's rows, in the order of `group`
    std::optional<expression> where;     ///< rows for which it does not hold are not for this view
    std::string where_text;              ///< as written
    /// One per measure: what is summed or told apart; none for a count.
    std::vector<std::optional<expression>> measures;
    std::vector<std::string> measure_texts; ///< as written; may be empty when all are counts
  };
  struct decay {
    std::string name; ///< in the features' names, e.g. `5s` or `half_life_7d`
    decay_rate rate;
  };
  enum class function : uint8_t { count, sum, distinct };
  struct measure {
    std::string name; ///< in the features' names, e.g. `count`
    decayed_counters_settings::function function = function::count;
    uint32_t exact_bound = 256; ///< of `distinct`: values counted exactly; at most 4096
  };
  /// A measure of a group.
  struct operand {
    std::string group; ///< the group's text; empty where the view has no group columns
    std::string measure;
  };
  struct ratio {
    std::string name;
    operand numerator;
    operand denominator;
  };
  enum class late_rows : uint8_t { fold, drop };

  std::string name;
  std::vector<input> inputs;
  std::vector<column> group; ///< what rows are grouped by; may be empty
  /// The groups counted, as `append_entity_key` writes their columns: rows of others are left out.
  /// Empty: every group there is.
  std::vector<std::string> groups;
  std::vector<decay> decays;
  std::vector<measure> measures;
  std::vector<ratio> ratios;
  std::optional<duration>
      pre_aggregate;                    ///< length of the tumbling windows rows are summed in first
  std::optional<duration> time_to_live; ///< of a group, from its newest event
  late_rows late = late_rows::fold;
  uint32_t max_groups_per_key = 1000;
  uint32_t max_open_windows = 1000; ///< per key
  uint32_t max_group_bytes = 256;   ///< of a group's text
};

/// Checks the settings and makes the view. An error names the view and the place.
result<std::shared_ptr<const view>> make_decayed_counters(decayed_counters_settings settings);

} // namespace keyfold
