#pragma once

#include <cstdint>
#include <string_view>

namespace keyfold::store {

/// What tells a damaged blob from a sound one: XXH3 of the bytes, seeded with what they belong to,
/// so that a blob under another's name does not pass either.
uint64_t checksum(std::string_view bytes, uint64_t seed) noexcept;

/// 128 bits that stand for a key; two different keys with the same value are not to be expected
/// before 2^60 keys.
struct key_hash {
  uint64_t low = 0;
  uint64_t high = 0;
};
key_hash hash_key(uint32_t entity, std::string_view key) noexcept;

} // namespace keyfold::store
