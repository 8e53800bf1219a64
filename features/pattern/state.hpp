#pragma once

#include "features/compact_vector.hpp"
#include "features/pattern/match_node.hpp"
#include "features/prefetch.hpp"
#include "features/rows/buffered_row.hpp"
#include "features/rows/timed_rows.hpp"
#include "features/view.hpp"

#include <cstdint>
#include <memory>

namespace keyfold::patterns {

/// Rows taken so far, and the ways on.
struct partial_match {
  node_ptr last;
  event_time started; ///< the first row's time
  uint64_t start = 0; ///< the first row's number
  uint64_t alive = 0; ///< edges of `position` not ended yet
  uint16_t position = 0;
  bool fresh = true; ///< no row has come since the last one taken
};

/// All rows of a match that is not published yet: one that began earlier may still come before it.
struct complete_match {
  node_ptr last;
  uint64_t start = 0;
};

/// The state of one key: three cache lines. What a row that comes needs is in the first two, with
/// the row itself where no other one waits.
class pattern_state final : public view_state {
public:
  /// @param columns kept of a row
  explicit pattern_state(size_t columns) noexcept : waiting(columns) {}
  /// Nodes are counted in `nodes`, which would go before them.
  ~pattern_state() override {
    partial.clear();
    complete.clear();
  }

  /// To be called when `partial` may have changed.
  void note_first() noexcept {
    first_started = partial.empty() ? end_of_time : partial.front().started;
  }

  event_time first_started = end_of_time; ///< of `partial`: who waits for `within` asks only that
  /// By the number of the first row, then the preferred ones first.
  compact_vector<partial_match> partial;
  single_timed_rows<8> waiting; ///< their marks: the conditions whose first half they fit
  bool changed = false;         ///< since `collect_changes`
  bool published = false;       ///< outputs know of a match
  node_counts nodes;
  compact_vector<complete_match> complete; ///< ordered as `partial`
  row_ptr last_match;                      ///< its measures, with the time at which it was decided
  uint64_t match_count = 0;
  uint64_t rows = 0;                     ///< released so far: numbers the rows
  event_time newest = beginning_of_time; ///< of the rows released
};
static_assert(sizeof(pattern_state) <= 3 * cache_line_bytes);

} // namespace keyfold::patterns
