#pragma once

#include "features/rows/packed_rows.hpp"
#include "features/rows/row_publication.hpp"
#include "features/top_k.hpp"

#include <array>
#include <string>
#include <vector>

namespace keyfold::ranking {

/// The state of one key: the candidates of the rows up to the watermark, and the rows after it.
struct top_k_state final : view_state {
  packed_rows pending;
  candidate_table table;
  uint64_t list = candidate_table{}.list_hash(); ///< the hash of the list as last published
  event_time changed_at = beginning_of_time;     ///< when the list changed last
  row_publication publication;
};

/// The view. A state is of one key and used by one thread at a time; the view is shared.
class top_k_view final : public view {
public:
  /// @pre `settings` have been checked
  explicit top_k_view(top_k_settings settings);

  const std::string& name() const noexcept override { return settings_.name; }
  std::string_view kind() const noexcept override { return "top_k"; }
  std::span<const std::string> inputs() const noexcept override { return {&settings_.stream, 1}; }
  std::span<const feature_info> features() const noexcept override { return features_; }
  const change_schema& changes() const noexcept override { return changes_; }
  const std::string& fingerprint() const noexcept override { return fingerprint_; }
  bool open() const noexcept override { return false; }

  std::unique_ptr<view_state> make_state() const override;
  void fold(view_state& state, uint32_t input, const event_batch& batch,
            std::span<const uint32_t> rows, fold_context& context) const override;
  void advance(view_state& state, fold_context& context) const override;
  void read(const view_state& state, event_time as_of, std::span<const uint32_t> wanted,
            std::span<feature_value> out, arena& memory) const override;
  void read_all(const view_state& state, event_time as_of, arena& memory,
                feature_sink& sink) const override;
  void collect_changes(view_state& state, event_time watermark, change_sink& sink) const override;
  void encode(const view_state& state, byte_writer& out) const override;
  std::unique_ptr<view_state> decode(byte_reader& in, fold_context& context) const override;
  bool empty(const view_state& state) const noexcept override;
  size_t memory(const view_state& state) const noexcept override;

private:
  enum feature : uint32_t { list, scores, errors, exact };

  // Folding: top_k_fold.cpp
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
  void report(const top_k_state& state, fold_context& context) const noexcept;
  void pack(const vote& x, byte_writer& out) const;
  vote unpack(const packed_rows::row& x) const;
  bool sound(const packed_rows::row& x) const;

  // Reading: top_k_view.cpp
  candidate_table running(const top_k_state& state, event_time as_of) const;
  feature_value value_of(const candidate_table& table, feature which, event_time as_of,
                         arena& memory) const;
  cell list_of(const candidate_table& table, feature which, event_time as_of, arena& memory) const;
  cell cell_of(const candidate& x, arena& memory) const;
  cell number(double x) const noexcept;
  std::span<const cell> published(const top_k_state& state, arena& memory) const;

  top_k_settings settings_;
  std::vector<data_type> candidate_types_;
  std::vector<feature_info> features_;
  change_schema changes_;
  std::string fingerprint_;
};

} // namespace keyfold::ranking
