#pragma once

#include "features/compact_vector.hpp"
#include "features/prefetch.hpp"
#include "features/view_of.hpp"
#include "features/windows/bucket_block.hpp"
#include "features/windows/bucket_windows.hpp"
#include "features/windows/publication.hpp"
#include "features/windows/sliding_frame.hpp"
#include "features/windows/step_grid.hpp"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace keyfold::windows {

/// The state of one key: the buckets that a window to come needs, and what has been said last.
struct bucket_windows_state final : public view_state {
  explicit bucket_windows_state(std::shared_ptr<const aggregate_set> set) noexcept
      : buckets(std::move(set)) {}
  void forget_frames() noexcept {
    std::destroy_at(&frames);
    std::construct_at(&frames);
  }

  bucket_block buckets;
  int64_t next_end = step_grid::all_complete;       ///< the bucket that the next window ends with
  int64_t last_end = step_grid::none_complete;      ///< that the last window fired ended with
  int64_t published_end = step_grid::none_complete; ///< that of the last row published
  uint64_t published_hash = 0;                      ///< of its values; 0 where there is none
  bool changed = false;                             ///< since changes were collected
  bool published_empty = false;                     ///< the last row was that of no rows at all
  uint32_t fired = 0; ///< how many buckets, the first ones, have numbers up to `last_end`
  std::unique_ptr<std::string> pending; ///< the last row, where the buckets no longer tell it
  std::unique_ptr<std::string> carried; ///< the columns carried, packed
  compact_vector<sliding_frame> frames; ///< one per output, while there are many buckets
};
static_assert(sizeof(bucket_windows_state) <= 2 * cache_line_bytes);

/// The machine of the view. A state is of one key and used by one thread at a time; the machine is
/// shared.
class bucket_windows {
public:
  using state_type = bucket_windows_state;

  bucket_windows(bucket_windows_settings settings, aggregate_set set, publication rows);

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
    own.buckets.prefetch_last();
    // The first bucket is looked at when it leaves the largest window.
    if (own.buckets.size() != 0 && own.next_end >= own.buckets.number(0) + largest_)
      own.buckets.prefetch_first();
    prefetch_lines(own.frames.data(), own.frames.size() * sizeof(sliding_frame));
  }
  size_t memory(const state_type& own) const noexcept;

private:
  struct output {
    uint32_t slot;
    int64_t buckets; ///< of a window
  };

  // Folding
  void fold_row(state_type& state, std::span<const cell> row, event_time at, int64_t complete,
                fold_context& context) const;
  bool is_lost(int64_t bucket, event_time at, int64_t complete, fold_context& context) const;

  // Firing: bucket_windows_fire.cpp
  void fire(state_type& state, int64_t end, fold_context& context) const;
  void publish(state_type& state, int64_t end, std::span<const cell> values, bool is_empty,
               fold_context& context) const;
  void settle(state_type& state) const;
  int64_t next_end(const state_type& state, int64_t end) const noexcept;
  int64_t next_change(const state_type& state, int64_t end) const noexcept;
  void arrange_frames(state_type& state) const;
  std::span<cell> window_row(state_type& state, int64_t end, arena& memory) const;
  cell stamp(int64_t end) const noexcept;
  event_time time_of(int64_t end) const noexcept { return grid_.last(end); }

  // Reading: bucket_windows_read.cpp
  cell window_value(const bucket_block& buckets, const output& x, int64_t end, arena& memory) const;
  std::span<cell> published_row(const state_type& state, arena& memory) const;
  event_time newest_in(const bucket_block& buckets, const output& x, int64_t end) const noexcept;
  feature_value running(const state_type& state, const output& x, event_time as_of,
                        arena& memory) const;

  bucket_windows_settings settings_;
  std::shared_ptr<const aggregate_set> set_;
  publication rows_;
  step_grid grid_;
  std::vector<output> outputs_;
  std::vector<int64_t> sizes_; // of windows, in buckets, each once
  int64_t largest_ = 0;        // buckets of the largest window
  view_description about_;
};

} // namespace keyfold::windows
