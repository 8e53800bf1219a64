#pragma once

#include "features/cell.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <new>
#include <span>

namespace keyfold::recommending {

/// What is known of products while a list is made: a table of hashes in memory that goes with the
/// arena. The lowest two bits of a hash make room for the marks.
class product_marks {
public:
  static constexpr uint64_t bought = 1;
  static constexpr uint64_t taken = 2; ///< not to be suggested (again)

  /// @param most products that will be marked
  product_marks(size_t most, arena& memory) {
    auto size = std::bit_ceil(2 * most + 2);
    auto* slots = memory.allocate(size * sizeof(uint64_t));
    slots_ = {new (slots) uint64_t[size]{}, size};
  }

  void add(uint64_t product, uint64_t mark) noexcept {
    slot_of(product) |= (product & ~all) | mark;
  }
  bool has(uint64_t product, uint64_t mark) const noexcept { return (of(product) & mark) != 0; }
  bool has_any(uint64_t product) const noexcept { return of(product) != 0; }

private:
  static constexpr uint64_t all = bought | taken;

  uint64_t of(uint64_t product) const noexcept { return slot_of(product) & all; }
  uint64_t& slot_of(uint64_t product) const noexcept {
    auto mask = slots_.size() - 1;
    auto i = (product >> 2) & mask;
    while (slots_[i] != 0 && ((slots_[i] ^ product) & ~all) != 0)
      i = (i + 1) & mask;
    return slots_[i];
  }

  std::span<uint64_t> slots_;
};

} // namespace keyfold::recommending
