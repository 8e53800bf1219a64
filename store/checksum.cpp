#include "store/checksum.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace keyfold::store {

uint64_t checksum(std::string_view bytes, uint64_t seed) noexcept {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

key_hash hash_key(uint32_t entity, std::string_view key) noexcept {
  auto x = XXH3_128bits_withSeed(key.data(), key.size(), entity);
  return {x.low64, x.high64};
}

} // namespace keyfold::store
