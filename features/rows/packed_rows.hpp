#pragma once

#include "features/byte_codec.hpp"
#include "features/event_time.hpp"
#include "features/prefetch.hpp"

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace keyfold {

/// Rows kept as bytes, in the order of (event time, tag, bytes): what a view keeps of rows that
/// wait for the watermark, or that it looks back on. The order is one of contents, so that it is
/// the same however the rows arrived; equal rows are kept as often as they came.
///
/// All are in one piece of memory: bytes from its front on, from its end down 16 bytes for each row
/// that say where. Among a million keys that is one page to find, not two. A row takes 17 to 20
/// bytes besides its own; an empty one owns next to nothing. Not thread-safe.
class packed_rows {
public:
  /// Bytes of rows that one object holds at most. One that has been full has room again when it
  /// holds seven eighths of that.
  static constexpr size_t max_bytes = size_t{64} << 20;

  /// Points into the rows, until they change.
  struct row {
    event_time at;
    uint32_t tag; ///< for the view: what sort of row it is, or a hash
    std::string_view bytes;
  };

  packed_rows() = default;
  packed_rows(const packed_rows&) = delete;
  packed_rows& operator=(const packed_rows&) = delete;

  bool empty() const noexcept { return size_ == 0; }
  size_t size() const noexcept { return size_; }
  row operator[](size_t i) const noexcept { return row_of(begin()[static_cast<ptrdiff_t>(i)]); }
  row front() const noexcept { return (*this)[0]; }
  row back() const noexcept { return (*this)[size_ - 1]; }
  /// Of a row, without looking at its bytes, which are elsewhere.
  event_time at(size_t i) const noexcept { return begin()[static_cast<ptrdiff_t>(i)].at; }
  uint32_t tag(size_t i) const noexcept { return begin()[static_cast<ptrdiff_t>(i)].tag; }
  /// The time of the first row, without looking at any; `end_of_time` where there is none.
  event_time earliest() const noexcept { return earliest_; }
  /// The number of rows whose time is `at` or earlier; they are the first ones.
  size_t count_until(event_time at) const noexcept;

  /// The row's place among the rows; nothing, changing nothing, where there is no room.
  std::optional<size_t> insert(event_time at, uint32_t tag, std::string_view bytes);
  /// As above; `write(byte_writer&)` appends the row's bytes.
  template <class Write>
  std::optional<size_t> insert_written(event_time at, uint32_t tag, const Write& write) {
    constexpr size_t most_rows = 240; // take no more: one request for memory, of a small size
    std::string bytes;
    bytes.reserve(most_rows);
    byte_writer out{bytes};
    write(out);
    return insert(at, tag, bytes);
  }
  void erase(size_t i);
  /// Takes away the first `count` rows.
  void erase_front(size_t count = 1);
  void clear() noexcept;

  void encode(byte_writer& out) const;
  /// Reads what `encode` wrote; `accepts(row)` says whether a row's bytes make sense. False when
  /// the bytes are malformed.
  template <class Accepts>
  bool decode(byte_reader& in, const Accepts& accepts);
  /// Bytes on the heap.
  size_t memory() const noexcept { return capacity_; }
  /// Asks the processor to load the first row and its place, the place of the last, and where the
  /// next one will be.
  void prefetch() const noexcept {
    const auto* block = block_.get();
    if (block == nullptr)
      return;
    prefetch_line(block + wasted_); // the first row, where rows go in the order they came
    prefetch_line(block + used_);
    prefetch_line(block + capacity_ - places_bytes());
    prefetch_line(block + capacity_ - sizeof(place) * (first_ + 1));
  }

private:
  struct place {
    event_time at;
    uint32_t tag;
    uint32_t begin; ///< of the row: its size, then its bytes
  };
  using iterator = std::reverse_iterator<const place*>;

  // From the end of the memory down.
  place* end_of_memory() const noexcept {
    return reinterpret_cast<place*>(block_.get() + capacity_);
  }
  iterator begin() const noexcept { return iterator{end_of_memory() - first_}; }
  iterator end() const noexcept { return begin() + size_; }
  size_t places_bytes() const noexcept { return sizeof(place) * (size_t{first_} + size_); }
  size_t kept_bytes() const noexcept { return used_ - wasted_ + sizeof(place) * size_; }

  row row_of(const place& x) const noexcept;
  bool before(const place& x, const row& added) const noexcept;
  void write_row(std::string_view bytes) noexcept;
  void waste(const place& x) noexcept;
  void make_room(size_t wanted);
  void move_to(size_t capacity);
  void give_back();

  std::unique_ptr<char[]> block_;
  event_time earliest_ = end_of_time;
  uint32_t capacity_ = 0; // bytes of the block, a multiple of a place's
  uint32_t used_ = 0;     // bytes at its front, of rows kept and of rows taken away
  uint32_t wasted_ = 0;   // of rows taken away
  uint32_t first_ = 0;    // places before it are of rows taken away
  uint32_t size_ = 0;
};

template <class Accepts>
bool packed_rows::decode(byte_reader& in, const Accepts& accepts) {
  auto size = in.varint();
  for (uint64_t i = 0; i < size; ++i) {
    auto at = in.time();
    auto tag = static_cast<uint32_t>(in.varint());
    auto bytes = in.text();
    auto known = at != beginning_of_time && at != end_of_time;
    if (!in.good() || !known || (!empty() && at < back().at) || !accepts(row{at, tag, bytes})
        || !insert(at, tag, bytes))
      return false;
  }
  return in.good();
}

} // namespace keyfold
