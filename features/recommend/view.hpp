#pragma once

#include "features/prefetch.hpp"
#include "features/recommend.hpp"
#include "features/recommend/dated_products.hpp"
#include "features/rows/packed_rows.hpp"
#include "features/rows/row_publication.hpp"
#include "features/view_of.hpp"

#include <string>
#include <vector>

namespace keyfold::recommending {

/// The state of one key: three cache lines. What each row needs is in the first two.
struct recommend_state final : view_state {
  packed_rows clicks;     ///< that wait: the product's hash, then the columns to emit
  passing_products sales; ///< that wait
  dated_products suggested;
  dated_products bought;
  event_time listed_at = beginning_of_time; ///< its click, or the last moment of its window
  std::string list; ///< as suggested last: a list of product ids; empty where there is none
  row_publication publication;
};
static_assert(sizeof(recommend_state) <= 3 * cache_line_bytes);

/// The machine of the view. A state is of one key and used by one thread at a time; the machine is
/// shared.
class recommend_view {
public:
  using state_type = recommend_state;

  /// @pre `settings` have been checked
  explicit recommend_view(recommend_settings settings);

  const view_description& description() const noexcept { return about_; }
  std::unique_ptr<state_type> make_state() const { return std::make_unique<state_type>(); }
  void fold(state_type& own, uint32_t input, const event_batch& batch,
            std::span<const uint32_t> rows, fold_context& context) const;
  void advance(state_type& own, fold_context& context) const;
  void report(const state_type& state, fold_context& context) const noexcept;
  void read(const state_type& own, event_time as_of, std::span<const uint32_t> wanted,
            std::span<feature_value> out, arena& memory) const;
  void collect_changes(state_type& own, event_time watermark, change_sink& sink) const;
  void encode(const state_type& own, byte_writer& out) const;
  std::unique_ptr<state_type> decode(byte_reader& in, arena& scratch) const;
  bool empty(const state_type& own) const noexcept;
  void prefetch(const state_type& own) const noexcept {
    own.clicks.prefetch();
    own.sales.prefetch();
    prefetch_line(&own.publication); // the end of the state
    // A click that waits is mostly the next thing to be decided; one to come will wait.
    if (own.clicks.empty())
      return;
    own.bought.prefetch_all();
    own.suggested.prefetch_all();
  }
  size_t memory(const state_type& own) const noexcept;

private:
  struct suggestion {
    uint64_t product;
    cell id;
  };

  // Folding: fold.cpp
  void fold_click(recommend_state& state, std::span<const cell> row, event_time at,
                  fold_context& context) const;
  void fold_sale(recommend_state& state, std::span<const cell> row, event_time at,
                 fold_context& context) const;
  void keep_click(recommend_state& state, std::span<const cell> row, event_time at,
                  fold_context& context) const;
  void settle_sales(recommend_state& state, event_time until, fold_context& context) const;
  void buy(recommend_state& state, const dated_product& x, fold_context& context) const;
  void decide_first(recommend_state& state, fold_context& context) const;
  void forget(recommend_state& state, event_time at, fold_context& context) const;
  void expire_list(recommend_state& state, fold_context& context) const;
  event_time due(event_time click) const noexcept;
  event_time list_ends(const recommend_state& state) const noexcept;

  // Suggesting: list.cpp
  const product_ranking* ranking_of(const table_snapshot* products) const;
  void suggest(recommend_state& state, const product_ranking* ranking,
               const packed_rows::row& click, event_time at, fold_context& context) const;
  std::span<const suggestion> choose(const recommend_state& state, const product_ranking& products,
                                     uint32_t category, uint64_t viewed, arena& memory) const;
  void remember(recommend_state& state, std::span<const suggestion> chosen, event_time at,
                fold_context& context) const;
  void tell(recommend_state& state, std::span<const suggestion> chosen, byte_reader& click,
            event_time at, fold_context& context) const;

  // The view: view.cpp
  cell list_of(const recommend_state& state, arena& memory) const;
  cell time_of(event_time at) const noexcept;
  std::span<const cell> published(const recommend_state& state, arena& memory) const;
  bool sound(const recommend_state& state) const;

  recommend_settings settings_;
  uint32_t product_column_; // of the table
  view_description about_;  // its features are the list, and its time
};

} // namespace keyfold::recommending
