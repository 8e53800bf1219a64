#pragma once

#include "features/aggregate/function.hpp"
#include "features/prefetch.hpp"

#include <boost/container/small_vector.hpp>

#include <cstdint>
#include <vector>

namespace keyfold::windows {

/// What a frame slides along: elements in the order of their numbers, each able to add itself to an
/// aggregate. Buckets, or rows.
class frame_elements {
public:
  virtual ~frame_elements() = default;
  virtual uint32_t size() const noexcept = 0;
  virtual int64_t number(uint32_t place) const noexcept = 0;
  /// The place of the first element whose number is not less.
  virtual uint32_t place_of(int64_t number) const noexcept = 0;
  /// Adds the element's share of the frame's aggregate to `words`.
  virtual void add_to(uint64_t* words, uint32_t place) const = 0;
  /// Takes it back. @pre the function is retractable
  virtual void take_from(uint64_t* words, uint32_t place) const = 0;
};

/// One aggregate over a frame that slides along elements: a slide costs a constant number of
/// merges, on average, however many elements the frame has. Where the aggregate can take back
/// what was added, it does; elsewhere it keeps two stacks (the algorithm of a queue with a
/// minimum): the aggregates of all ends of the frame's older part, and one aggregate of its newer
/// part.
///
/// Knows what it has merged only by the elements' numbers: when one of those changes, `forget`.
/// Moved, not copied. Not thread-safe.
class sliding_frame {
public:
  /// @param function must outlive the frame
  explicit sliding_frame(const aggregate_function& function);
  sliding_frame(sliding_frame&&) noexcept = default;
  sliding_frame& operator=(sliding_frame&&) = delete;
  ~sliding_frame() { forget(); }

  /// The aggregate of the elements with the numbers `[begin, end]`; what it points to is in
  /// `memory`. @pre neither is before that of the call before, and no element from the frame of
  /// that call on has been dropped since
  cell value(const frame_elements& elements, int64_t begin, int64_t end, arena& memory);
  void forget() noexcept;
  /// Bytes on the heap.
  size_t memory() const noexcept;
  /// Asks the processor to load what the next slide will read outside this object.
  void prefetch() const noexcept {
    if (!front_.empty())
      prefetch_line(front_.data() + front_.size() - 1);
  }

private:
  void slide_total(const frame_elements& elements, int64_t begin, int64_t end);
  void slide_stacks(const frame_elements& elements, int64_t begin, int64_t end);
  void turn_over(const frame_elements& elements, int64_t begin, int64_t end);
  uint64_t* top() noexcept { return front_.data() + front_.size() - function_->words(); }
  int64_t first_number() const noexcept {
    return static_cast<int64_t>(*(front_.data() + front_.size() - function_->words() - 1));
  }
  void pop() noexcept;

  static constexpr size_t few_words = 3; // as most aggregates have
  static constexpr int64_t nothing = INT64_MIN;

  const aggregate_function* function_;
  int64_t merged_to_ = nothing;   // elements up to this number are in it
  int64_t merged_from_ = nothing; // and none in `total_` before this one
  // Of the newer part, or of all of the window.
  boost::container::small_vector<uint64_t, few_words> total_;
  // Of the older part: the number of each of its elements, and what there is from it to the end.
  std::vector<uint64_t> front_;
};

} // namespace keyfold::windows
