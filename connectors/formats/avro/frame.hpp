#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace keyfold::avro {

/// What stands before a record whose schema is in a registry: a zero byte and the schema's number,
/// big-endian.
inline constexpr size_t frame_bytes = 5;

inline void append_frame(int32_t id, std::string& out) {
  out.push_back('\0');
  for (int shift = 24; shift >= 0; shift -= 8)
    out.push_back(static_cast<char>(static_cast<uint32_t>(id) >> shift & 0xff));
}

/// @pre `record` has at least `frame_bytes`
inline int32_t framed_id(std::string_view record) noexcept {
  uint32_t id = 0;
  for (size_t i = 1; i < frame_bytes; ++i)
    id = id << 8 | static_cast<uint8_t>(record[i]);
  return static_cast<int32_t>(id);
}

} // namespace keyfold::avro
