#include "features/aggregate/exact_sum.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <new>

namespace keyfold {

namespace {

__extension__ using u128 = unsigned __int128;
__extension__ using i128 = __int128;

constexpr size_t limb_count = 34; // 2^-1074 to 2^1024, and 2^64 of the largest
constexpr int lowest_exponent = -1074;
constexpr int highest_exponent = 1023;

int width_of(u128 x) noexcept {
  auto high = static_cast<uint64_t>(x >> 64);
  return high != 0 ? 128 - std::countl_zero(high) : 64 - std::countl_zero(static_cast<uint64_t>(x));
}

int trailing_zeros(u128 x) noexcept {
  auto low = static_cast<uint64_t>(x);
  return low != 0 ? std::countr_zero(low) : 64 + std::countr_zero(static_cast<uint64_t>(x >> 64));
}

u128 magnitude_of(i128 x) noexcept {
  return x < 0 ? ~static_cast<u128>(x) + 1 : static_cast<u128>(x);
}

/// `digits * 2^exponent`, and a little more where `more`: rounded to the nearest double.
double rounded(u128 digits, int exponent, bool more) noexcept {
  auto excess = width_of(digits) - std::numeric_limits<double>::digits;
  if (excess <= 0)
    return std::ldexp(static_cast<double>(static_cast<uint64_t>(digits)), exponent);
  auto kept = static_cast<uint64_t>(digits >> excess);
  auto rest = digits & ((u128{1} << excess) - 1);
  auto half = u128{1} << (excess - 1);
  if (rest > half || (rest == half && (more || (kept & 1) != 0)))
    ++kept;
  return std::ldexp(static_cast<double>(kept), exponent + excess);
}

quad scaled(quad x, int exponent) noexcept {
  for (; exponent > 1000; exponent -= 1000)
    x *= std::ldexp(1.0, 1000);
  for (; exponent < -1000; exponent += 1000)
    x *= std::ldexp(1.0, -1000);
  return x * std::ldexp(1.0, exponent);
}

/// A number on the heap without its sign, cut to its first 128 bits.
struct leading_digits {
  u128 digits = 0;
  int exponent = 0;
  bool more = false; // bits that are not zero follow
  bool negative = false;
};

leading_digits leading(const uint64_t* limbs) noexcept {
  std::array<uint64_t, limb_count> digits;
  leading_digits out;
  out.negative = (limbs[limb_count - 1] >> 63) != 0;
  uint64_t carry = out.negative ? 1 : 0;
  for (size_t i = 0; i < limb_count; ++i) {
    digits[i] = out.negative ? ~limbs[i] + carry : limbs[i];
    carry = carry != 0 && digits[i] == 0 ? 1 : 0;
  }
  auto top = limb_count;
  while (top > 0 && digits[top - 1] == 0)
    --top;
  if (top == 0)
    return out;
  auto last = top >= 2 ? top - 2 : 0;
  out.digits = top >= 2 ? (static_cast<u128>(digits[top - 1]) << 64) | digits[last] : digits[0];
  out.exponent = lowest_exponent + 64 * static_cast<int>(last);
  out.more = std::any_of(digits.begin(), digits.begin() + static_cast<ptrdiff_t>(last),
                         [](auto x) { return x != 0; });
  return out;
}

enum class form_written : uint8_t { zero, small, compact, wide };

} // namespace

void exact_sum::set_compact(integer x, int exponent) noexcept {
  low_ = static_cast<uint64_t>(static_cast<magnitude>(x));
  high_ = static_cast<uint64_t>(static_cast<magnitude>(x) >> 64);
  set_form(x == 0 ? 0 : static_cast<uint64_t>(exponent + bias));
}

void exact_sum::accumulate(double x) {
  constexpr int fraction_bits = 52;
  auto bits = std::bit_cast<uint64_t>(x);
  auto exponent = static_cast<int>((bits >> fraction_bits) & 0x7ff);
  auto digits = bits & ((uint64_t{1} << fraction_bits) - 1);
  if (exponent == 0)
    exponent = 1; // subnormal
  else
    digits |= uint64_t{1} << fraction_bits;
  if (digits == 0)
    return;
  auto zeros = std::countr_zero(digits);
  accumulate(digits >> zeros, (bits >> 63) != 0, exponent - 1075 + zeros);
}

void exact_sum::accumulate(magnitude digits, bool negative, int exponent) {
  if (form() != on_heap && fit(digits, negative, exponent))
    return;
  if (form() != on_heap)
    widen();
  add_to_limbs(digits, negative, exponent);
}

/// Adds where the result can stay in 128 bits.
bool exact_sum::fit(magnitude digits, bool negative, int exponent) noexcept {
  constexpr int most_bits = 126; // so that the sum of two has its sign bit free
  auto sum = compact();
  auto unit = this->exponent();
  if (form() == 0) {
    if (width_of(digits) > most_bits)
      return false;
    set_compact(negative ? -static_cast<integer>(digits) : static_cast<integer>(digits), exponent);
    return true;
  }
  auto own = magnitude_of(sum);
  if (exponent < unit) {
    // What has been subtracted may have left zeros behind; the unit is then larger than it seems.
    if (width_of(own) + unit - exponent > most_bits)
      return false;
    sum = static_cast<integer>(static_cast<magnitude>(sum) << (unit - exponent));
    unit = exponent;
  } else if (exponent > unit && width_of(digits) + exponent - unit > most_bits) {
    auto zeros = std::min(trailing_zeros(own), exponent - unit);
    sum >>= zeros;
    unit += zeros;
    if (width_of(digits) + exponent - unit > most_bits)
      return false;
  }
  if (width_of(magnitude_of(sum)) > most_bits)
    return false;
  auto added = static_cast<integer>(digits << (exponent - unit));
  if (width_of(static_cast<magnitude>(added)) > most_bits)
    return false;
  set_compact(negative ? sum - added : sum + added, unit);
  return true;
}

void exact_sum::widen() {
  auto* made = static_cast<uint64_t*>(::operator new(limb_count * sizeof(uint64_t)));
  std::fill_n(made, limb_count, uint64_t{0});
  auto sum = compact();
  auto unit = exponent();
  auto empty = form() == 0;
  low_ = reinterpret_cast<uint64_t>(made);
  high_ = 0;
  set_form(on_heap);
  if (!empty)
    add_to_limbs(magnitude_of(sum), sum < 0, unit);
}

void exact_sum::add_to_limbs(magnitude digits, bool negative, int exponent) noexcept {
  auto place = static_cast<unsigned>(exponent - lowest_exponent);
  auto first = place / 64;
  auto shift = place % 64;
  std::array<uint64_t, 3> parts{static_cast<uint64_t>(digits << shift),
                                static_cast<uint64_t>((digits << shift) >> 64),
                                shift == 0 ? 0 : static_cast<uint64_t>(digits >> (128 - shift))};
  auto* to = limbs();
  uint64_t carry = 0;
  for (size_t i = first; i < limb_count; ++i) {
    auto part = i - first < parts.size() ? parts[i - first] : 0;
    if (part == 0 && carry == 0 && i - first >= parts.size())
      break;
    auto before = to[i];
    if (negative) {
      to[i] = before - part - carry;
      carry = before < part || (before == part && carry != 0) ? 1 : 0;
    } else {
      to[i] = before + part + carry;
      carry = to[i] < before || (carry != 0 && to[i] == before) ? 1 : 0;
    }
  }
}

void exact_sum::combine(const exact_sum& other, bool negated) {
  auto counted = other.tail_ & ~exponent_mask;
  tail_ = negated ? tail_ - counted : tail_ + counted;
  if (other.form() == 0)
    return;
  if (other.form() != on_heap) {
    auto sum = other.compact();
    accumulate(magnitude_of(sum), (sum < 0) != negated, other.exponent());
    return;
  }
  if (form() != on_heap)
    widen();
  uint64_t carry = 0;
  for (size_t i = 0; i < limb_count; ++i) {
    auto before = limbs()[i];
    auto part = other.limbs()[i];
    limbs()[i] = negated ? before - part - carry : before + part + carry;
    if (negated)
      carry = before < part || (before == part && carry != 0) ? 1 : 0;
    else
      carry = limbs()[i] < before || (carry != 0 && limbs()[i] == before) ? 1 : 0;
  }
}

double exact_sum::value() const noexcept {
  if (form() == 0)
    return 0;
  if (form() != on_heap) {
    auto sum = compact();
    auto size = rounded(magnitude_of(sum), exponent(), false);
    return sum < 0 ? -size : size;
  }
  auto x = leading(limbs());
  auto size = rounded(x.digits, x.exponent, x.more);
  return x.negative ? -size : size;
}

quad exact_sum::wide_value() const noexcept {
  if (form() == 0)
    return 0;
  if (form() != on_heap)
    return scaled(static_cast<quad>(compact()), exponent());
  auto x = leading(limbs());
  auto size = scaled(static_cast<quad>(x.digits), x.exponent);
  return x.negative ? -size : size;
}

double exact_sum::mean() const noexcept {
  constexpr int quad_digits = 113;
  constexpr int far = 900; // the quotient is neither subnormal nor infinite within
  constexpr int quotient_bits = 127;
  if (form() == 0)
    return 0;
  auto sum = compact();
  auto digits = magnitude_of(sum);
  auto width = width_of(digits);
  if (form() == on_heap || width > quad_digits || std::abs(exponent()) > far)
    return static_cast<double>(wide_value() / static_cast<quad>(count()));
  // With so few digits this is what the division above rounds to, in a quarter of its time: a
  // quotient of theirs is no middle of two doubles to 113 bits that is not one exactly.
  auto shift = quotient_bits - width;
  auto dividend = digits << shift;
  auto quotient = dividend / count();
  auto size = rounded(quotient, exponent() - shift, quotient * count() != dividend);
  return sum < 0 ? -size : size;
}

void exact_sum::clear() noexcept {
  if (form() == on_heap)
    ::operator delete(limbs());
  low_ = high_ = tail_ = 0;
}

size_t exact_sum::memory() const noexcept {
  return form() == on_heap ? limb_count * sizeof(uint64_t) : 0;
}

void exact_sum::encode(byte_writer& out) const {
  out.varint(count());
  if (form() == on_heap) {
    out.u8(static_cast<uint8_t>(form_written::wide));
    for (size_t i = 0; i < limb_count; ++i)
      out.u64(limbs()[i]);
    return;
  }
  if (form() == 0) {
    out.u8(static_cast<uint8_t>(form_written::zero));
    return;
  }
  // Zeros that a subtraction left are no digits: equal sums have equal bytes.
  auto sum = compact();
  auto zeros = std::min(trailing_zeros(magnitude_of(sum)), highest_exponent - exponent());
  sum >>= zeros;
  auto small = sum == static_cast<int64_t>(sum);
  out.u8(static_cast<uint8_t>(small ? form_written::small : form_written::compact));
  out.signed_varint(exponent() + zeros);
  if (small) {
    out.signed_varint(static_cast<int64_t>(sum));
    return;
  }
  out.u64(static_cast<uint64_t>(static_cast<magnitude>(sum)));
  out.u64(static_cast<uint64_t>(static_cast<magnitude>(sum) >> 64));
}

bool exact_sum::decode(byte_reader& in) {
  auto counted = in.varint();
  auto kind = in.u8();
  if (!in.good() || counted >> (64 - exponent_bits) != 0
      || kind > static_cast<uint8_t>(form_written::wide))
    return false;
  if (kind == static_cast<uint8_t>(form_written::wide)) {
    widen();
    for (size_t i = 0; i < limb_count; ++i)
      limbs()[i] = in.u64();
  } else if (kind != static_cast<uint8_t>(form_written::zero)) {
    auto unit = in.signed_varint();
    integer sum = 0;
    if (kind == static_cast<uint8_t>(form_written::small)) {
      sum = in.signed_varint();
    } else {
      auto low = in.u64();
      sum = static_cast<integer>((static_cast<magnitude>(in.u64()) << 64) | low);
    }
    if (unit < lowest_exponent || unit > highest_exponent || sum == 0
        || width_of(magnitude_of(sum)) > 127)
      return false;
    set_compact(sum, static_cast<int>(unit));
  }
  tail_ |= counted << exponent_bits;
  if (!in.good())
    clear();
  return in.good();
}

} // namespace keyfold
