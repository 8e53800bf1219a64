#pragma once

#include <cstddef>

namespace keyfold {

constexpr size_t cache_line_bytes = 64;

/// Asks the processor to load the cache line at `place`, any address.
///
/// A function of nothing but `__builtin_prefetch` has no effect in GCC's eyes (12, -O3), and calls
/// of it are dropped; so this one claims to have one.
inline void prefetch_line(const void* place) noexcept {
  __builtin_prefetch(place);
  asm volatile("");
}

/// Asks for all lines from `place` on to `size` bytes behind it.
inline void prefetch_lines(const void* place, size_t size) noexcept {
  const auto* begin = static_cast<const char*>(place);
  for (size_t i = 0; i < size; i += cache_line_bytes)
    prefetch_line(begin + i);
}

} // namespace keyfold
