#include "connectors/formats/avro/cursor.hpp"

namespace keyfold::avro {

const char* cursor::long_number(const char* from, const char* end, int64_t& out) noexcept {
  uint64_t x = 0;
  for (unsigned shift = 0; shift < 70 && from < end; shift += 7) {
    auto byte = static_cast<uint8_t>(*from++);
    if (shift == 63 && byte > 1)
      return nullptr;
    x |= uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) {
      out = from_zigzag(x);
      return from;
    }
  }
  return nullptr;
}

} // namespace keyfold::avro
