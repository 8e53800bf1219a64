#pragma once

#include "features/byte_codec.hpp"
#include "features/event_time.hpp"
#include "features/prefetch.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace keyfold {

/// Rows kept as bytes, in the order of (event time, tag, bytes): what a view keeps of rows that
/// wait for the watermark, or that it looks back on. The order is one of contents, so that it is
/// the same however the rows arrived; equal rows are kept as often as they came.
///
/// 24 bytes a row besides its own; an empty one owns next to nothing. Not thread-safe.
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

  bool empty() const noexcept { return size() == 0; }
  size_t size() const noexcept { return places_.size() - first_; }
  row operator[](size_t i) const noexcept { return row_of(places_[first_ + i]); }
  row front() const noexcept { return (*this)[0]; }
  row back() const noexcept { return row_of(places_.back()); }
  /// The number of rows whose time is `at` or earlier; they are the first ones.
  size_t count_until(event_time at) const noexcept;

  /// False, changing nothing, where there is no room.
  bool insert(event_time at, uint32_t tag, std::string_view bytes) {
    return insert_written(at, tag, [&](byte_writer& out) { out.bytes().append(bytes); });
  }
  /// As above; `write(byte_writer&)` appends the row's bytes.
  template <class Write>
  bool insert_written(event_time at, uint32_t tag, const Write& write) {
    auto begin = bytes_.size();
    byte_writer out{bytes_};
    write(out);
    return place_written(at, tag, begin);
  }
  void erase(size_t i);
  /// Takes away the first `count` rows.
  void erase_front(size_t count = 1);
  void clear() noexcept { *this = packed_rows{}; }

  void encode(byte_writer& out) const;
  /// Reads what `encode` wrote; `accepts(row)` says whether a row's bytes make sense. False when
  /// the bytes are malformed.
  template <class Accepts>
  bool decode(byte_reader& in, const Accepts& accepts);
  /// Bytes on the heap.
  size_t memory() const noexcept;
  /// Asks the processor to load the first row, the place of the last, and where the next one will
  /// be.
  void prefetch() const noexcept {
    prefetch_line(places_.data() + first_);
    if (size() > 2)
      prefetch_line(places_.data() + places_.size() - 1);
    prefetch_line(places_.data() + places_.size());
    prefetch_line(bytes_.data());
    prefetch_line(bytes_.data() + bytes_.size());
  }

private:
  struct place {
    event_time at;
    uint32_t tag;
    uint32_t begin;
    uint32_t size;
  };

  row row_of(const place& x) const noexcept {
    return {x.at, x.tag, {bytes_.data() + x.begin, x.size}};
  }
  bool before(const place& a, const place& b) const noexcept;
  bool place_written(event_time at, uint32_t tag, size_t begin);
  void give_back();
  void compact();

  std::vector<place> places_;
  std::string bytes_;
  uint32_t first_ = 0;  // places before it are of rows taken away
  uint32_t wasted_ = 0; // bytes of rows taken away
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
