#pragma once

#include "store/database.hpp"

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace keyfold::store {

/// Reads a row of `segment` and checks it.
/// @param query at a row with the columns id, epoch, entity, checksum, pairs
ledger_result<std::string_view> checked_pairs(const statement& query, const std::string& path);
/// Checksum of a row of `segment`.
uint64_t segment_checksum(uint64_t epoch, int64_t entity, std::string_view pairs);
/// Checksum of a row of `state`: 32 bits, so that it costs no more than four bytes a key.
int32_t state_checksum(int64_t entity, std::string_view key, std::string_view state);

/// What compaction writes of a key.
struct compacted_key {
  int64_t entity;
  std::string_view key;
  std::string_view state; ///< empty: the key is gone
};

/// The oldest segments, merged: each key once, with its newest state, in the order of the table
/// they go to. Filled segment by segment and read key by key, so that no single step takes long.
/// Not thread-safe.
class compaction_run {
public:
  /// How far the keys have been taken. A value: an older one may be returned to.
  struct place {
    std::vector<size_t> next;  // of each segment
    std::vector<size_t> queue; // segments with keys left, a heap by their next key
  };

  /// Adds the segment that `query` is at (columns as `checked_pairs`, then size).
  /// @param live entities whose keys are kept, ascending
  ledger_result<void> add(const statement& query, const std::string& path,
                          const std::vector<int64_t>& live);
  /// All segments up to this one are in the run; 0: none.
  int64_t last_segment() const noexcept { return last_segment_; }
  uint64_t segment_bytes() const noexcept { return segment_bytes_; }

  place begin() const;
  /// The next key; nothing at the end.
  std::optional<compacted_key> take(place& from) const;

private:
  struct sorted_segment {
    int64_t entity;
    std::string pairs;
    std::vector<uint32_t> keys; // where the pair of each begins; four bytes, for there are millions

    compacted_key at(size_t place) const;
    void keep_newest();
  };
  void push(place& to, size_t segment) const;
  size_t pop(place& from) const;
  bool later(const place& at, size_t a, size_t b) const;

  std::deque<sorted_segment> segments_; // oldest first; none moves once it is in
  int64_t last_segment_ = 0;
  uint64_t segment_bytes_ = 0;
};

} // namespace keyfold::store
