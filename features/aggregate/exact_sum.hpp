#pragma once

#include "features/byte_codec.hpp"

#include <cstddef>
#include <cstdint>

namespace keyfold {

#ifdef __SIZEOF_FLOAT128__
__extension__ using quad = __float128; ///< 113 bits of significand
#else
using quad = long double;
#endif

/// The sum of doubles without any rounding: what it says depends on which numbers were added, not
/// on their order, and what is subtracted again leaves no trace. A 128-bit integer times a power of
/// two while the numbers' bits span less than that (23 decimal digits, with room for 10^15 of
/// them), beyond it an integer of 2176 bits on the heap that holds any sum of doubles.
///
/// Lives in three 8-byte words that somebody else owns; all zeros is the empty sum. `clear` frees
/// what it owns. Not thread-safe.
class exact_sum {
public:
  static constexpr size_t words = 3;

  /// The sum kept in `words` words at `memory`.
  static exact_sum& at(uint64_t* memory) noexcept { return *reinterpret_cast<exact_sum*>(memory); }
  static const exact_sum& at(const uint64_t* memory) noexcept {
    return *reinterpret_cast<const exact_sum*>(memory);
  }

  /// @pre `x` is finite
  void add(double x) {
    tail_ += one_more;
    accumulate(x);
  }
  /// Takes back what was added. @pre `x` is finite and was added
  void subtract(double x) {
    tail_ -= one_more;
    accumulate(-x);
  }
  void merge(const exact_sum& other) { combine(other, false); }
  /// Takes back what was merged.
  void retract(const exact_sum& other) { combine(other, true); }
  /// How many numbers are in it.
  uint64_t count() const noexcept { return tail_ >> exponent_bits; }
  /// The nearest double, ties to even; infinite where the sum is beyond the largest double.
  double value() const noexcept;
  /// The sum to 113 bits.
  quad wide_value() const noexcept;
  /// The sum divided by `count`, to the nearest double; infinite where the sum is beyond all
  /// bounds.
  /// @pre `count() > 0`
  double mean() const noexcept;

  void clear() noexcept;
  void encode(byte_writer& out) const;
  /// Into an empty sum. False where the bytes are malformed; the sum is then empty.
  bool decode(byte_reader& in);
  /// Bytes on the heap.
  size_t memory() const noexcept;

private:
  __extension__ using integer = __int128;
  __extension__ using magnitude = unsigned __int128;

  // The lowest bits of `tail_`: 0 for a sum of zero, else the exponent of the integer's unit, or
  // that the sum is on the heap. The count is above them.
  static constexpr unsigned exponent_bits = 12;
  static constexpr uint64_t exponent_mask = (uint64_t{1} << exponent_bits) - 1;
  static constexpr uint64_t one_more = uint64_t{1} << exponent_bits;
  static constexpr uint64_t on_heap = exponent_mask;
  static constexpr int bias = 1075; // an exponent of -1074 is written as 1

  void accumulate(double x);
  void accumulate(magnitude digits, bool negative, int exponent);
  bool fit(magnitude digits, bool negative, int exponent) noexcept;
  void combine(const exact_sum& other, bool negated);
  void widen();
  uint64_t* limbs() const noexcept { return reinterpret_cast<uint64_t*>(low_); }
  void add_to_limbs(magnitude digits, bool negative, int exponent) noexcept;

  uint64_t form() const noexcept { return tail_ & exponent_mask; }
  int exponent() const noexcept { return static_cast<int>(form()) - bias; }
  void set_form(uint64_t form) noexcept { tail_ = (tail_ & ~exponent_mask) | form; }
  integer compact() const noexcept {
    return static_cast<integer>((static_cast<magnitude>(high_) << 64) | low_);
  }
  void set_compact(integer x, int exponent) noexcept;

  uint64_t low_;
  uint64_t high_;
  uint64_t tail_;
};

static_assert(sizeof(exact_sum) == exact_sum::words * sizeof(uint64_t));

} // namespace keyfold
