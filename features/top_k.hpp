#pragma once

#include "features/expression.hpp"
#include "features/result.hpp"
#include "features/top_k/candidate_table.hpp"
#include "features/view.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// The view kind `top_k`: per key, the best candidates among those its rows name, in true order of
/// rank. docs/views/top-k.md says what users see.
namespace keyfold {

/// The definition of a `top_k` view, compiled; plain data.
struct top_k_settings {
  /// Columns that a candidate may be made of.
  static constexpr size_t max_candidate_columns = 8;

  enum class late_rows : uint8_t { fold, drop };

  std::string name;
  std::string stream;
  std::string feature;                     ///< the name of the list
  std::vector<column> candidate;           ///< what a candidate is; one column or more
  std::vector<uint32_t> candidate_columns; ///< of the stream's rows, in the order of `candidate`
  std::optional<expression> where; ///< rows for which it does not hold are not for this view
  std::string where_text;          ///< as written
  std::optional<expression>
      measured;              ///< of `sum` and `max`: a number; of `distinct`: what is told apart
  std::string measured_text; ///< as written
  ranking::table_rules rules;
  late_rows late = late_rows::fold;
  bool with_scores = false; ///< published rows carry the scores as well
  uint32_t max_pending_rows = 10'000;
  uint32_t max_candidate_bytes = 256;
};

/// Checks the settings and makes the view. An error names the view and the place.
result<std::shared_ptr<const view>> make_top_k(top_k_settings settings);

} // namespace keyfold
