#pragma once

#include "features/windows/bucket_block.hpp"

#include <cstdint>
#include <vector>

namespace keyfold::windows {

/// One aggregate over a window that slides along a key's buckets: a slide costs a constant number
/// of merges, on average, however many buckets the window has. Where the aggregate can take back
/// what was added, it does; elsewhere it keeps two stacks (the algorithm of a queue with a minimum):
/// the aggregates of all ends of the window's older part, and one aggregate of its newer part.
///
/// Knows what it has merged only by the buckets' numbers: when one of those changes, `forget`.
/// Moved, not copied. Not thread-safe.
class sliding_frame {
public:
  /// @param slot of the set of the buckets it will be given
  sliding_frame(const aggregate_function& function, uint32_t slot, int64_t buckets);
  sliding_frame(sliding_frame&&) noexcept = default;
  sliding_frame& operator=(sliding_frame&&) = delete;
  ~sliding_frame() { forget(); }

  /// The aggregate of the buckets with the numbers `(end - buckets, end]`; what it points to is in
  /// `memory` or here. @pre `end` is not before that of the call before, and the buckets of its
  /// window have not been dropped since
  cell value(const bucket_block& blocks, int64_t end, arena& memory);
  void forget() noexcept;
  /// Bytes on the heap.
  size_t memory() const noexcept;

private:
  bool slid_out(int64_t end) const noexcept { return merged_to_ <= end - buckets_; }
  void slide_total(const bucket_block& blocks, int64_t end);
  void slide_stacks(const bucket_block& blocks, int64_t end);
  void turn_over(const bucket_block& blocks, int64_t end);
  uint64_t* top() noexcept { return front_.data() + front_.size() - function_->words(); }
  void pop() noexcept;

  static constexpr int64_t nothing = INT64_MIN;

  const aggregate_function* function_;
  uint32_t slot_;
  int64_t buckets_;
  int64_t merged_to_ = nothing;   // buckets up to this number are in it
  int64_t merged_from_ = nothing; // and none before this one
  std::vector<uint64_t> total_;   // of the newer part, or of all of the window
  std::vector<uint64_t> front_;   // of the older part: from each of its buckets to its end
  std::vector<int64_t> front_numbers_;
};

} // namespace keyfold::windows
