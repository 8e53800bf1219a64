#pragma once

#include "features/prefetch.hpp"
#include "features/rows/timed_rows.hpp"
#include "features/view_of.hpp"
#include "features/windows/publication.hpp"
#include "features/windows/row_windows.hpp"
#include "features/windows/sliding_frame.hpp"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace keyfold::windows {

/// The state of one key: rows that frames to come need, rows that wait for the watermark, totals.
/// A row's values are those of the arguments and of the columns kept; its mark says which
/// conditions it passed.
struct row_windows_state final : public view_state {
  /// @param values of a row
  row_windows_state(std::shared_ptr<const aggregate_set> of, size_t values) noexcept
      : set(std::move(of)), rows(values) {}
  row_windows_state(const row_windows_state&) = delete;
  row_windows_state& operator=(const row_windows_state&) = delete;
  ~row_windows_state() override { clear_totals(); }

  void clear_totals() noexcept {
    if (totals != nullptr)
      set->clear(totals.get());
    totals.reset();
  }
  event_time newest() const noexcept { return rows.empty() ? last_at : rows.at(rows.size() - 1); }
  uint32_t waiting() const noexcept { return rows.size() - released; }
  /// Forgets the first of the rows released.
  void drop(uint32_t count) noexcept {
    rows.drop(count);
    first_number += count;
    released -= count;
  }

  std::shared_ptr<const aggregate_set> set;
  timed_rows rows;
  int64_t first_number = 0;               ///< of the first row
  event_time last_at = beginning_of_time; ///< of the newest row released
  std::unique_ptr<uint64_t[]> totals;     ///< a block, where some frame has no bound
  uint32_t released = 0;                  ///< rows, the first ones: those that do not wait
  bool changed = false;                   ///< since changes were collected
  bool gone = false;                      ///< expired; `collect_changes` has to say so
  std::string last;                       ///< the last row published, packed
  /// One per output, while there are many rows.
  std::unique_ptr<std::vector<sliding_frame>> frames;
};

/// The machine of the view. A state is of one key and used by one thread at a time; the machine is
/// shared.
class row_windows {
public:
  using state_type = row_windows_state;

  row_windows(row_windows_settings settings, aggregate_set set, publication rows);

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
    own.rows.prefetch();
    prefetch_line(own.totals.get());
    prefetch_line(own.last.data());
  }
  size_t memory(const state_type& own) const noexcept;

private:
  struct output {
    uint32_t slot;
    duration size; ///< the largest there is without one
    int64_t rows;  ///< the largest there is without one
    bool bounded;
    bool with_peers; ///< the frame ends with the last row of the same time
  };
  /// Outputs whose frames begin and end alike; their rows are looked for once.
  struct shared_frame {
    uint32_t output; ///< one of them
    std::vector<uint32_t> outputs;
    std::vector<uint32_t> slots; ///< of all of them
  };
  /// A slot whose frame has no bound.
  struct total_slot {
    uint32_t number;
    bool with_peers;
  };
  class row_elements;

  void fold_row(state_type& state, std::span<const cell> row, event_time at,
                fold_context& context) const;
  void fold_late_row(state_type& state, std::span<const cell> row, event_time at,
                     fold_context& context) const;
  void keep_row(state_type& state, std::span<const cell> row, event_time at, arena& scratch) const;
  /// Rows as aggregates read them, one at a time.
  class row_reader;

  // Releasing rows: row_windows_release.cpp
  void release(state_type& state, uint32_t peers, fold_context& context) const;
  void arrange_outputs();
  void add_to_totals(state_type& state, bool with_peers, uint32_t place,
                     fold_context& context) const;
  void add_to_total(state_type& state, uint32_t slot, const aggregate_set::row_values& values,
                    event_time at, fold_counts& counts) const;
  void publish(state_type& state, std::span<const cell> values, event_time at,
               event_time emitted_at, fold_context& context) const;
  std::span<cell> row_values(state_type& state, uint32_t place, uint32_t last_peer,
                             arena& memory) const;
  void frame_values(state_type& state, const shared_frame& x, uint32_t place, uint32_t last,
                    std::span<cell> out, arena& memory) const;
  uint32_t frame_begin(const state_type& state, const output& x, uint32_t place) const noexcept;
  void arrange_frames(state_type& state) const;
  void drop_unneeded(state_type& state) const;
  void forget(state_type& state) const;
  event_time over_at(const state_type& state) const noexcept;
  void expire(state_type& state, fold_context& context) const;
  bool known_over(const state_type& state, event_time at) const noexcept;

  cell running(const state_type& state, const output& x, arena& memory) const;

  static constexpr uint32_t few_rows = 16; // so many are added up as fast as a frame slides

  row_windows_settings settings_;
  std::shared_ptr<const aggregate_set> set_;
  publication rows_;
  std::vector<output> outputs_;
  std::vector<shared_frame> frames_; // of the outputs whose frames are bounded
  std::vector<data_type> row_types_; // of the rows kept
  std::vector<total_slot> total_slots_;
  bool total_peers_[2] = {false, false}; // whether there is one without, and one with peers
  bool by_time_only_ = true;             // every frame is bounded by time: rows leave it with time
  duration longest_{0};
  view_description about_;
};

class row_windows::row_reader {
public:
  row_reader(const row_windows& view, const state_type& state, arena& memory)
      : types_(view.set_->argument_types()), rows_(state.rows),
        memory_(memory), values_{memory.allocate_cells(types_.size()), 0} {}

  /// Until the next call, and as long as the rows stay where they are.
  const aggregate_set::row_values& operator()(uint32_t place) {
    rows_.cells(place, types_, values_.values, memory_);
    values_.passed = rows_.mark(place);
    return values_;
  }

  /// Of one argument alone; the others are as they were.
  const aggregate_set::row_values& only(uint32_t argument, uint32_t place) {
    values_.values[argument] = rows_.value(place, argument).kept(types_[argument].kind, memory_);
    values_.passed = rows_.mark(place);
    return values_;
  }

private:
  std::span<const data_type> types_;
  const timed_rows& rows_;
  arena& memory_;
  aggregate_set::row_values values_;
};

} // namespace keyfold::windows
