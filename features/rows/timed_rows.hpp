#pragma once

#include "features/aggregate/stored_value.hpp"
#include "features/rows/record_queue.hpp"

#include <array>
#include <cstdint>
#include <span>

namespace keyfold {

/// Rows of a key in the order in which they are to be folded: by event time, then by arrival. Each
/// has a word of its owner's, its mark, and as many values as all others, which it owns. One piece
/// of memory for all, but for texts of more than 8 bytes, lists and maps. Has no bound of its own:
/// the owner looks at `size` and decides what to refuse. Not thread-safe.
class timed_rows {
public:
  /// @param values of a row
  /// @param home words of memory right behind this object: see `record_queue`
  explicit timed_rows(size_t values, size_t home = 0) noexcept
      : records_(head + values * stored_value::words, home) {}
  timed_rows(const timed_rows&) = delete;
  timed_rows& operator=(const timed_rows&) = delete;
  ~timed_rows() { drop(size()); }

  bool empty() const noexcept { return records_.empty(); }
  uint32_t size() const noexcept { return records_.size(); }
  event_time at(uint32_t place) const noexcept { return event_time{duration{records_.key(place)}}; }
  uint64_t mark(uint32_t place) const noexcept { return records_[place][1]; }
  stored_value& value(uint32_t place, size_t i) noexcept {
    return stored_value::at(records_[place] + head + i * stored_value::words);
  }
  const stored_value& value(uint32_t place, size_t i) const noexcept {
    return stored_value::at(records_[place] + head + i * stored_value::words);
  }
  /// The first values of a row, as many as `out` has, as cells of the types given. Their texts live
  /// until a row comes or goes, items of lists and maps are in `memory`.
  void cells(uint32_t place, std::span<const data_type> types, std::span<cell> out,
             arena& memory) const {
    for (size_t i = 0; i < out.size(); ++i)
      out[i] = value(place, i).kept(types[i].kind, memory);
  }

  /// The number of rows whose time is `time` or earlier; they are the first ones.
  uint32_t count_until(event_time time) const noexcept {
    return time == end_of_time ? size() : records_.place_of(time.time_since_epoch().count() + 1);
  }
  /// The place of the first row whose time is not before `time`.
  uint32_t place_of(event_time time) const noexcept {
    return records_.place_of(time.time_since_epoch().count());
  }

  /// Puts a row there, its values null. @pre neither the row before is later nor the one behind
  /// earlier. Cheap near the end.
  void insert(uint32_t place, event_time at, uint64_t mark);
  /// Forgets the first rows.
  void drop(uint32_t count) noexcept;

  void encode(std::span<const data_type> types, byte_writer& out) const;
  /// Reads what `encode` wrote, into no rows. False when it is malformed, out of order, has more
  /// than `most` rows or values that are neither null nor of `types`.
  bool decode(std::span<const data_type> types, uint64_t most, byte_reader& in, arena& scratch);
  /// Bytes on the heap.
  size_t memory() const noexcept;
  /// Asks the processor to load the first rows, and where the next one will be.
  void prefetch() const noexcept { records_.prefetch(); }

private:
  static constexpr size_t head = 2; // words before the values: the time, the mark

  size_t values() const noexcept { return (records_.words() - head) / stored_value::words; }
  bool decode_row(std::span<const data_type> types, byte_reader& in, arena& scratch);

  record_queue records_;
};
static_assert(sizeof(timed_rows) == sizeof(record_queue));

/// Rows of which there is mostly one: as long as it takes `Words` at most, and is the only one, it
/// is in this object.
template <size_t Words>
class single_timed_rows : public timed_rows {
public:
  explicit single_timed_rows(size_t values) noexcept : timed_rows(values, Words) {}
  ~single_timed_rows() { drop(size()); } // before its home goes

private:
  std::array<uint64_t, Words> home_;
};

} // namespace keyfold
