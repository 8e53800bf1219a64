#include "features/murmur2.hpp"

#include <cstddef>

namespace keyfold {

namespace {

constexpr uint32_t multiplier = 0x5bd1e995;
constexpr uint32_t seed = 0x9747b28c;

uint32_t byte_at(std::string_view key, size_t index) noexcept {
  return static_cast<uint8_t>(key[index]);
}

} // namespace

// Austin Appleby's MurmurHash2, 32 bits, reading little-endian words.
uint32_t murmur2(std::string_view key) noexcept {
  auto hash = seed ^ static_cast<uint32_t>(key.size());
  size_t next = 0;
  for (; key.size() - next >= 4; next += 4) {
    auto word = byte_at(key, next) | byte_at(key, next + 1) << 8 | byte_at(key, next + 2) << 16
                | byte_at(key, next + 3) << 24;
    word *= multiplier;
    word ^= word >> 24;
    word *= multiplier;
    hash *= multiplier;
    hash ^= word;
  }
  if (auto left = key.size() - next; left > 0) {
    if (left == 3)
      hash ^= byte_at(key, next + 2) << 16;
    if (left >= 2)
      hash ^= byte_at(key, next + 1) << 8;
    hash ^= byte_at(key, next);
    hash *= multiplier;
  }
  hash ^= hash >> 13;
  hash *= multiplier;
  hash ^= hash >> 15;
  return hash;
}

} // namespace keyfold
