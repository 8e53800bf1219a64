#pragma once

#include "features/cell.hpp"

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

namespace keyfold {

/// Appends values to a byte string: little-endian, varints for sizes. The format of state in the
/// ledger.
class byte_writer {
public:
  explicit byte_writer(std::string& out) : out_(&out) {}

  void u8(uint8_t x) { out_->push_back(static_cast<char>(x)); }
  void varint(uint64_t x);
  /// Zigzag.
  void signed_varint(int64_t x) {
    varint((static_cast<uint64_t>(x) << 1) ^ static_cast<uint64_t>(x >> 63));
  }
  void u64(uint64_t x);
  void f64(double x) { u64(std::bit_cast<uint64_t>(x)); }
  void time(event_time x) { u64(static_cast<uint64_t>(x.time_since_epoch().count())); }
  void text(std::string_view x) {
    varint(x.size());
    out_->append(x);
  }
  void value(const cell& x);
  /// The bytes so far, for those who patch or measure.
  std::string& bytes() noexcept { return *out_; }

private:
  std::string* out_;
};

/// Reads what `byte_writer` wrote. Bounds-checked: past the end or on a malformed value it turns
/// bad, stays bad, and gives zeros and empty texts.
class byte_reader {
public:
  explicit byte_reader(std::string_view bytes)
      : next_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  uint8_t u8();
  uint64_t varint();
  int64_t signed_varint() {
    auto x = varint();
    return static_cast<int64_t>(x >> 1) ^ -static_cast<int64_t>(x & 1);
  }
  uint64_t u64();
  double f64() { return std::bit_cast<double>(u64()); }
  event_time time() { return event_time{duration{static_cast<int64_t>(u64())}}; }
  /// Points into the bytes read.
  std::string_view text();
  /// Text points into the bytes read; lists and maps are in `memory`. Nesting is bounded to 32.
  /// Null where the reader is bad afterwards.
  cell value(arena& memory) {
    auto x = value(memory, 0);
    return good_ ? x : cell{};
  }

  bool good() const noexcept { return good_; }
  bool at_end() const noexcept { return next_ == end_; }
  size_t remaining() const noexcept { return static_cast<size_t>(end_ - next_); }
  void fail() noexcept {
    good_ = false;
    next_ = end_;
  }

private:
  cell value(arena& memory, int depth);
  cell container(cell_kind kind, arena& memory, int depth);

  const char* next_;
  const char* end_;
  bool good_ = true;
};

} // namespace keyfold
