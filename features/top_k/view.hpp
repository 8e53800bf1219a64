#pragma once

#include "features/prefetch.hpp"
#include "features/rows/packed_rows.hpp"
#include "features/rows/row_publication.hpp"
#include "features/top_k.hpp"
#include "features/view_of.hpp"

#include <array>
#include <string>
#include <vector>

namespace keyfold::ranking {

/// The state of one key: the candidates of the rows up to the watermark, and the rows after it.
struct top_k_state final : view_state {
  packed_rows pending;
  candidate_table table;
  row_publication publication;
  uint64_t list = candidate_table{}.list_hash(); ///< the hash of the list as last published
  event_time changed_at = beginning_of_time;     ///< when the list changed last
};

/// The machine of the view. A state is of one key and used by one thread at a time; the machine is
/// shared.
class top_k_view {
public:
  using state_type = top_k_state;

  /// @pre `settings` have been checked
  explicit top_k_view(top_k_settings settings);

  const view_description& description() const noexcept { return about_; }
  std::unique_ptr<state_type> make_state() const;
  void fold(state_type& own, uint32_t input, const event_batch& batch,
            std::span<const uint32_t> rows, fold_context& context) const;
  void advance(state_type& own, fold_context& context) const;
  void report(const state_type& own, fold_context& context) const;
  void read(const state_type& own, event_time as_of, std::span<const uint32_t> wanted,
            std::span<feature_value> out, arena& memory) const;
  void collect_changes(state_type& own, event_time watermark, change_sink& sink) const;
  void encode(const state_type& own, byte_writer& out) const;
  std::unique_ptr<state_type> decode(byte_reader& in, arena& scratch) const;
  bool empty(const state_type& own) const noexcept;
  void prefetch(const state_type& own) const noexcept {
    own.pending.prefetch();
    prefetch_line(&own.changed_at); // the end of the state
    // Where none wait, rows will be put there; only where some do, they will be counted.
    if (!own.pending.empty())
      own.table.prefetch();
  }
  size_t memory(const state_type& own) const noexcept;

private:
  enum feature : uint32_t { list, scores, errors, exact };

  // Folding: fold.cpp
  void fold_row(top_k_state& state, std::span<const cell> row, event_time at, std::string& text,
                fold_context& context) const;
  std::optional<std::string_view> candidate_of(std::span<const cell> row, std::string& text) const;
  std::optional<vote> vote_of(std::span<const cell> row, event_time at, std::string& text,
                              fold_context& context) const;
  void keep(top_k_state& state, const vote& x, fold_context& context) const;
  void settle_first(top_k_state& state, fold_context& context) const;
  /// Returns whether the list has changed at `at` itself; what changed before is published.
  bool expire_until(top_k_state& state, event_time at, fold_context& context) const;
  void list_changed(top_k_state& state, event_time at, fold_context& context) const;
  void pack(const vote& x, byte_writer& out) const;
  vote unpack(const packed_rows::row& x) const;
  bool sound(const packed_rows::row& x) const;

  // Reading: view.cpp
  candidate_table running(const top_k_state& state, event_time as_of) const;
  feature_value value_of(const candidate_table& table, feature which, event_time as_of,
                         arena& memory) const;
  cell list_of(const candidate_table& table, feature which, event_time as_of, arena& memory) const;
  cell cell_of(const candidate& x, arena& memory) const;
  cell number(double x) const noexcept;
  std::span<const cell> published(const top_k_state& state, arena& memory) const;

  top_k_settings settings_;
  std::vector<data_type> candidate_types_;
  view_description about_;
};

} // namespace keyfold::ranking
