#pragma once

#include "features/rows/packed_rows.hpp"

#include <vector>

namespace keyfold::attributing {

/// Rows in the order of `packed_rows`, to be found by their tag as well. Of more than a few, half
/// of each tag is kept side by side: a look through a thousand then reads 2 KB and not the 16 KB of
/// their places. That takes 2 to 3 bytes a row. Not thread-safe.
class touch_list {
public:
  /// From so many rows on the tags are kept side by side, until there are half as many.
  static constexpr size_t many = 64;

  /// To be read; places are those of `packed_rows`.
  const packed_rows& rows() const noexcept { return rows_; }

  /// As `packed_rows::insert_written`; false, changing nothing, where there is no room.
  template <class Write>
  bool insert_written(event_time at, uint32_t tag, const Write& write) {
    auto place = rows_.insert_written(at, tag, write);
    if (place)
      insert_half(*place, tag);
    return place.has_value();
  }
  void erase(size_t i);
  /// Takes away the first `count` rows.
  void erase_front(size_t count = 1);

  /// The first place of [first, last) with the tag; `last` where there is none.
  size_t first_with(uint32_t tag, size_t first, size_t last) const noexcept;
  /// The place behind the last one of [first, last) with the tag; `first` where there is none.
  size_t behind_last_with(uint32_t tag, size_t first, size_t last) const noexcept;

  void encode(byte_writer& out) const { rows_.encode(out); }
  /// As `packed_rows::decode`.
  template <class Accepts>
  bool decode(byte_reader& in, const Accepts& accepts) {
    auto decoded = rows_.decode(in, accepts);
    keep_halves();
    return decoded;
  }
  /// Bytes on the heap.
  size_t memory() const noexcept { return rows_.memory() + halves_.capacity() * sizeof(half); }
  /// As `packed_rows::prefetch`; of the tags too, where they begin and where the next one will be.
  void prefetch() const noexcept {
    rows_.prefetch();
    if (has_halves()) {
      prefetch_line(halves());
      prefetch_line(halves_.data() + halves_.size());
    }
  }

private:
  using half = uint16_t;

  bool has_halves() const noexcept { return !halves_.empty(); }
  const half* halves() const noexcept { return halves_.data() + gone_; }
  void insert_half(size_t place, uint32_t tag);
  void keep_halves();
  void shrink_halves();

  packed_rows rows_;
  std::vector<half> halves_; // of rows taken away, then of each row; none of few rows
  uint32_t gone_ = 0;        // so many are of rows taken away
};

} // namespace keyfold::attributing
