#pragma once

#include "features/byte_codec.hpp"
#include "features/cell.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

namespace keyfold {

/// Counts distinct values, given as 64-bit hashes: exactly up to a bound, beyond it by a
/// HyperLogLog of 4096 registers, whose standard error is 1.04/√4096 = 1.6 %. What it says depends
/// on the set of values only, not on their order nor on how they were spread over counters merged
/// later.
///
/// One pointer; empty ones own nothing. 8 bytes per value while exact (memory grows by doubling),
/// 4.1 KiB afterwards. Not thread-safe.
class distinct_counter {
public:
  /// The largest `exact_bound` accepted anywhere.
  static constexpr uint32_t max_exact_bound = 4096;

  distinct_counter() noexcept = default;
  distinct_counter(distinct_counter&& other) noexcept
      : block_(std::exchange(other.block_, nullptr)) {}
  distinct_counter& operator=(distinct_counter&& other) noexcept;
  ~distinct_counter();

  /// @param exact_bound the same for all calls and for all counters merged
  void add(uint64_t hash, uint32_t exact_bound);
  void merge(const distinct_counter& other, uint32_t exact_bound);
  /// The number of distinct values: exact while `exact()`, else an estimate (Ertl, "New cardinality
  /// estimation algorithms for HyperLogLog sketches", 2017, section 4).
  uint64_t count() const noexcept;
  bool exact() const noexcept;

  void encode(byte_writer& out) const;
  /// Nothing when the bytes are malformed.
  static std::optional<distinct_counter> decode(byte_reader& in, uint32_t exact_bound);
  /// Bytes on the heap.
  size_t memory() const noexcept;

  /// Hands over what it owns, for those who keep it in a plain pointer.
  void* release() noexcept;
  static distinct_counter adopt(void* block) noexcept;

private:
  struct block;

  uint64_t* hashes() const noexcept;
  uint8_t* registers() const noexcept;
  void insert(uint64_t hash);
  void become_sketch();
  void raise(uint64_t hash) noexcept;

  block* block_ = nullptr;
};

/// The hash of a value for `distinct_counter`: equal values have equal hashes, in every process and
/// version. 1.0 and 1, or a text and equal bytes, are different values. @pre `x` is neither a list
/// nor a map
uint64_t distinct_hash(const cell& x) noexcept;

} // namespace keyfold
