#pragma once

#include <cstdint>
#include <string_view>

namespace keyfold {

/// Murmur2 with the seed of Kafka's Java producers: `(murmur2(key) & 0x7fffffff) % partitions` is
/// where they put a key.
uint32_t murmur2(std::string_view key) noexcept;

/// The partition of `count` that Kafka's Java producers choose for `key`. @pre `count > 0`
inline uint32_t partition_of(std::string_view key, uint32_t count) noexcept {
  return (murmur2(key) & 0x7fffffffu) % count;
}

} // namespace keyfold
