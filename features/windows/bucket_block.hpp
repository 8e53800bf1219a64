#pragma once

#include "features/aggregate/set.hpp"
#include "features/rows/record_queue.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>

namespace keyfold::windows {

/// The buckets of one key in the order of their numbers, each a number, the newest event time in it
/// and a block of aggregates, side by side in one piece of memory. Not thread-safe.
class bucket_block {
public:
  /// @param set of the aggregates in all buckets; shared, because it frees what they own
  explicit bucket_block(std::shared_ptr<const aggregate_set> set) noexcept
      : set_(std::move(set)), records_(head + set_->words()) {}
  bucket_block(const bucket_block&) = delete;
  bucket_block& operator=(const bucket_block&) = delete;
  ~bucket_block() { drop(size()); }

  const aggregate_set& set() const noexcept { return *set_; }
  uint32_t size() const noexcept { return records_.size(); }
  int64_t number(uint32_t place) const noexcept {
    return place == 0 ? first_ : records_.key(place);
  }
  event_time newest(uint32_t place) const noexcept {
    return event_time{duration{static_cast<int64_t>(records_[place][1])}};
  }
  uint64_t* aggregates(uint32_t place) noexcept { return records_[place] + head; }
  const uint64_t* aggregates(uint32_t place) const noexcept { return records_[place] + head; }
  const uint64_t* slot(uint32_t place, uint32_t number) const noexcept {
    return aggregates(place) + set_->offset(number);
  }

  /// The place of the first bucket whose number is not less.
  uint32_t place_of(int64_t number) const noexcept {
    return size() == 0 || number <= first_ ? 0 : records_.place_behind_first(number);
  }
  /// Puts an empty bucket there. Places from there on move by one.
  void insert(uint32_t place, int64_t number);
  void note(uint32_t place, event_time at) noexcept;
  /// Gives a bucket another number. @pre it stays between its neighbours'
  void renumber(uint32_t place, int64_t number) noexcept {
    records_[place][0] = static_cast<uint64_t>(number);
    note_first();
  }
  /// Forgets one bucket.
  void erase(uint32_t place) noexcept;
  /// Forgets the first buckets.
  void drop(uint32_t count) noexcept;
  /// Bytes on the heap.
  size_t memory() const noexcept;
  /// Asks the processor to load what the next row will touch.
  void prefetch() const noexcept { records_.prefetch(); }
  /// The same in two steps.
  void prefetch_first() const noexcept { records_.prefetch_first(); }
  void prefetch_last() const noexcept { records_.prefetch_last(); }

private:
  static constexpr size_t head = 2; // words before the aggregates

  void note_first() noexcept { first_ = size() == 0 ? 0 : records_.key(0); }

  std::shared_ptr<const aggregate_set> set_;
  record_queue records_;
  int64_t first_ = 0; // the first bucket's number: it lies far from those that rows come to
};

} // namespace keyfold::windows
