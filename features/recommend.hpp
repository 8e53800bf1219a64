#pragma once

#include "features/expression.hpp"
#include "features/recommend/product_ranking.hpp"
#include "features/result.hpp"
#include "features/table.hpp"
#include "features/view.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// The view kind `recommend`: per key, which products to suggest beside the one being viewed.
/// docs/views/recommend.md says what users see.
namespace keyfold {

/// The definition of a `recommend` view, compiled; plain data.
struct recommend_settings {
  /// What a list of suggestions is made for.
  enum class occasion : uint8_t {
    window, ///< the newest click of each tumbling window
    click   ///< every click
  };
  /// What becomes of products suggested before when no others of the category are left.
  enum class exhausted : uint8_t {
    restart, ///< they are forgotten: suggestions begin again from the best
    nothing  ///< nothing is suggested until they have been forgotten
  };
  enum class late_rows : uint8_t { fold, drop };

  /// A stream of rows about products.
  struct role {
    std::string stream;
    uint32_t product = 0;            ///< of the stream's rows
    std::optional<expression> where; ///< rows for which it does not hold are not for this view
    std::string where_text;          ///< as written
  };

  std::string name;
  std::string feature;                 ///< the name of the list
  role clicks;                         ///< input 0: products being viewed
  std::optional<role> sales;           ///< input 1: products bought
  std::vector<uint32_t> click_columns; ///< of the rows of clicks, those to emit
  std::vector<column> emitted;         ///< their names and types in the emitted rows

  std::shared_ptr<const table> products; ///< its key is one column, a product's id
  uint32_t ranking = 0;                  ///< the number of its index that is a `product_ranking`

  occasion per = occasion::window;
  duration window = std::chrono::seconds{5}; ///< windows begin at its multiples since 1970
  uint32_t k = 6;
  bool exclude_viewed = false; ///< the product being viewed is not suggested
  bool avoid_repeats = true;   ///< nor are those suggested before
  exhausted when_exhausted = exhausted::restart;
  duration forget_after = std::chrono::days{1}; ///< of a suggestion
  std::optional<duration> bought_for;           ///< of a purchase, from the newest of a product
  std::optional<duration> time_to_live;         ///< of the list
  late_rows late = late_rows::fold;
  uint32_t max_suggested = 1000; ///< suggestions remembered per key
  uint32_t max_bought = 1000;    ///< products bought remembered per key
  uint32_t max_pending_rows =
      10'000; ///< clicks, and purchases, per key that wait for the watermark
};

/// Checks the settings and makes the view. An error names the view and the place.
result<std::shared_ptr<const view>> make_recommend(recommend_settings settings);

} // namespace keyfold
