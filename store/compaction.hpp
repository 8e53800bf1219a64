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

/// The oldest segments, merged: each key once, with its newest state, in the order of the table
/// they go to. Not thread-safe.
class compaction_run {
public:
  struct entry {
    int64_t entity;
    std::string_view key;
    std::string_view state; ///< empty: the key is gone
  };

  /// Takes as many of the oldest segments as fit into `max_bytes`, at least one; nothing if there
  /// are none.
  /// @param live entities whose keys are kept, ascending
  static ledger_result<std::optional<compaction_run>>
  collect(const database& reader, size_t max_bytes, const std::vector<int64_t>& live);

  compaction_run(compaction_run&&) = default;
  compaction_run& operator=(compaction_run&&) = default;

  const std::vector<entry>& entries() const noexcept { return entries_; }
  /// All segments up to this one are in the run.
  int64_t last_segment() const noexcept { return last_segment_; }
  uint64_t segment_bytes() const noexcept { return segment_bytes_; }

private:
  compaction_run() = default;
  ledger_result<void> add(const statement& query, const std::string& path,
                          const std::vector<int64_t>& live);
  void keep_newest();

  std::deque<std::string> blobs_; // what the entries point into: none may ever move
  std::vector<entry> entries_;
  int64_t last_segment_ = 0;
  uint64_t segment_bytes_ = 0;
};

} // namespace keyfold::store
