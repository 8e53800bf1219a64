#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace keyfold::avro {

constexpr int64_t from_zigzag(uint64_t x) noexcept {
  return static_cast<int64_t>((x >> 1) ^ (~(x & 1) + 1));
}

/// Reads Avro's binary encoding, never beyond its end. What fails leaves it where it is. A value,
/// so that it stays in registers.
struct cursor {
  const char* next = nullptr;
  const char* end = nullptr;

  size_t left() const noexcept { return static_cast<size_t>(end - next); }
  /// A zigzag varint of at most 10 bytes.
  bool number(int64_t& out) noexcept;
  bool skip(uint64_t bytes) noexcept;
  /// Bytes that have their length before them.
  bool text(std::string_view& out) noexcept;
  template <class T>
  bool fixed(T& out) noexcept;

private:
  // Not of the cursor itself, whose address nobody shall have.
  static const char* long_number(const char* from, const char* end, int64_t& out) noexcept;
};

inline bool cursor::number(int64_t& out) noexcept {
  if (next < end && static_cast<signed char>(*next) >= 0) {
    out = from_zigzag(static_cast<uint8_t>(*next++));
    return true;
  }
  auto* behind = long_number(next, end, out);
  next = behind == nullptr ? next : behind;
  return behind != nullptr;
}

inline bool cursor::skip(uint64_t bytes) noexcept {
  if (bytes > left())
    return false;
  next += bytes;
  return true;
}

inline bool cursor::text(std::string_view& out) noexcept {
  auto behind = *this;
  int64_t size = 0;
  if (!behind.number(size) || static_cast<uint64_t>(size) > behind.left())
    return false;
  out = {behind.next, static_cast<size_t>(size)};
  next = behind.next + size;
  return true;
}

template <class T>
bool cursor::fixed(T& out) noexcept {
  static_assert(std::endian::native == std::endian::little);
  if (left() < sizeof out)
    return false;
  std::memcpy(&out, next, sizeof out);
  next += sizeof out;
  return true;
}

} // namespace keyfold::avro
