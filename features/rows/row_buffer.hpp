#pragma once

#include "features/rows/buffered_row.hpp"

#include <algorithm>
#include <iterator>
#include <vector>

namespace keyfold {

/// Rows of a key that wait for the watermark, in the order in which they are to be folded: by event
/// time, then by input number, then by arrival. So the order does not depend on how inputs were
/// interleaved, nor on arrival but for rows of one input with the very same time. Has no bound of
/// its own: the owner looks at `size` and decides what to drop.
class row_buffer {
public:
  /// Cheap where rows arrive nearly in order.
  void add(row_ptr row) {
    if (rows_.capacity() == 0)
      rows_.reserve(kept_capacity);
    auto place = rows_.end();
    if (!rows_.empty() && before(*row, *rows_.back()))
      place = std::upper_bound(rows_.begin(), rows_.end(), row,
                               [](const auto& a, const auto& b) { return before(*a, *b); });
    rows_.insert(place, std::move(row));
  }

  /// Hands the rows up to and including `watermark` to `f(row_ptr)`, in order, and forgets them.
  /// @pre `f` does not touch this buffer
  template <class F>
  void release(event_time watermark, F&& f) {
    auto end = rows_.begin();
    for (; end != rows_.end() && (*end)->at() <= watermark; ++end)
      f(std::move(*end));
    rows_.erase(rows_.begin(), end);
    // A key that was busy once does not keep the room for ever.
    if (rows_.empty() && rows_.capacity() > kept_capacity)
      rows_ = std::vector<row_ptr>{};
  }

  /// Takes out the newest row, the one to go last. @pre not empty
  row_ptr drop_newest() {
    auto row = std::move(rows_.back());
    rows_.pop_back();
    return row;
  }
  /// Takes out the oldest row. @pre not empty
  row_ptr drop_oldest() {
    auto row = std::move(rows_.front());
    rows_.erase(rows_.begin());
    return row;
  }

  bool empty() const noexcept { return rows_.empty(); }
  size_t size() const noexcept { return rows_.size(); }
  /// The rows, in order.
  const std::vector<row_ptr>& rows() const noexcept { return rows_; }
  /// Of the row to go first; `end_of_time` when there is none: what to `wake` at.
  event_time earliest() const noexcept { return rows_.empty() ? end_of_time : rows_.front()->at(); }
  /// Bytes on the heap, those of the rows included.
  size_t memory() const noexcept {
    auto sum = rows_.capacity() * sizeof(row_ptr);
    for (const auto& row : rows_)
      sum += row->memory();
    return sum;
  }

  void encode(byte_writer& out) const;
  /// Reads what `encode` wrote into this buffer; false, with an empty buffer, when it is malformed,
  /// out of order, has more than `most` rows, or cells that are not of `types`.
  bool decode(byte_reader& in, std::span<const data_type> types, size_t most, arena& scratch);

private:
  static constexpr size_t kept_capacity = 8;

  static bool before(const buffered_row& a, const buffered_row& b) noexcept {
    return a.at() != b.at() ? a.at() < b.at() : a.input() < b.input();
  }

  std::vector<row_ptr> rows_;
};

} // namespace keyfold
