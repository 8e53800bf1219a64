#pragma once

#include "features/rows/row_buffer.hpp"
#include "features/windows/publication.hpp"
#include "features/windows/row_windows.hpp"
#include "features/windows/sliding_frame.hpp"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace keyfold::windows {

/// The state of one key: rows that wait for the watermark, rows that frames to come need, totals.
/// A row is kept as the values of the arguments and the columns kept; its mark says which
/// conditions it passed.
struct row_windows_state final : public view_state {
  explicit row_windows_state(std::shared_ptr<const aggregate_set> of) noexcept
      : set(std::move(of)) {}
  row_windows_state(const row_windows_state&) = delete;
  row_windows_state& operator=(const row_windows_state&) = delete;
  ~row_windows_state() override { clear_totals(); }

  void clear_totals() noexcept {
    if (totals != nullptr)
      set->clear(totals.get());
    totals.reset();
  }
  event_time newest() const noexcept {
    return waiting.empty() ? last_at : waiting.rows().back()->at();
  }

  std::shared_ptr<const aggregate_set> set;
  row_buffer waiting;
  std::vector<row_ptr> history;           ///< released rows, in their order
  int64_t first_number = 0;               ///< of the first row in `history`
  std::unique_ptr<uint64_t[]> totals;     ///< a block, where some frame has no bound
  std::vector<sliding_frame> frames;      ///< one per output that has a bound; made when needed
  std::string last;                       ///< the last row published, packed
  event_time last_at = beginning_of_time; ///< of the newest row released
  bool changed = false;                   ///< since changes were collected
  bool gone = false;                      ///< expired; `collect_changes` has to say so
};

/// The view. A state is of one key and used by one thread at a time; the view is shared.
class row_windows final : public view {
public:
  row_windows(row_windows_settings settings, aggregate_set set, publication rows);

  const std::string& name() const noexcept override { return settings_.name; }
  std::string_view kind() const noexcept override { return settings_.kind; }
  std::span<const std::string> inputs() const noexcept override { return {&settings_.stream, 1}; }
  std::span<const feature_info> features() const noexcept override { return features_; }
  const change_schema& changes() const noexcept override { return rows_.changes(); }
  std::span<const column> emissions() const noexcept override { return rows_.emissions(); }
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
  using state_type = row_windows_state;

  struct output {
    uint32_t slot;
    duration size; ///< the largest there is without one
    int64_t rows;  ///< the largest there is without one
    bool bounded;
    bool with_peers; ///< the frame ends with the last row of the same time
  };
  /// A slot whose frame has no bound.
  struct total_slot {
    uint32_t number;
    bool with_peers;
  };
  class row_elements;

  void fold_row(state_type& state, std::span<const cell> row, event_time at,
                aggregate_set::row_values& values, fold_context& context) const;
  void fold_late_row(state_type& state, std::span<const cell> row, event_time at,
                     aggregate_set::row_values& values, fold_context& context) const;
  row_ptr keep_row(std::span<const cell> row, event_time at,
                   const aggregate_set::row_values& values, arena& scratch) const;
  void restore(const buffered_row& row, aggregate_set::row_values& out) const;

  // Releasing rows: row_windows_release.cpp
  void release(state_type& state, std::span<const row_ptr> peers, fold_context& context) const;
  void add_to_totals(state_type& state, uint32_t slot, const aggregate_set::row_values& values,
                     event_time at, fold_counts& counts) const;
  void publish(state_type& state, std::span<const cell> values, event_time at,
               event_time emitted_at, fold_context& context) const;
  std::span<cell> row_values(state_type& state, const buffered_row& row, int64_t number,
                             int64_t last_peer, arena& memory) const;
  int64_t frame_begin(const state_type& state, const output& x, event_time at,
                      int64_t number) const noexcept;
  void drop_unneeded(state_type& state) const;
  void forget(state_type& state) const;
  event_time over_at(const state_type& state) const noexcept;
  void expire(state_type& state, fold_context& context) const;
  bool known_over(const state_type& state, event_time at) const noexcept;
  void wake(const state_type& state, fold_context& context) const;

  cell running(const state_type& state, const output& x, arena& memory) const;

  row_windows_settings settings_;
  std::shared_ptr<const aggregate_set> set_;
  publication rows_;
  std::vector<output> outputs_;
  std::vector<data_type> row_types_;   // of the rows kept
  std::vector<feature_info> features_; // of the last row, then of the running values
  std::vector<total_slot> total_slots_;
  bool by_time_only_ = true; // every frame is bounded by time: rows leave it with time
  duration longest_{0};
  std::string fingerprint_;
};

} // namespace keyfold::windows
