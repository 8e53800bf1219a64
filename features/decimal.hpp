#pragma once

#include "features/cell.hpp"

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace keyfold {

/// Digits that every decimal fits in; their largest number is below 2^60.
inline constexpr int decimal_digits = 18;

inline constexpr std::array<int64_t, decimal_digits + 1> powers_of_ten = [] {
  std::array<int64_t, decimal_digits + 1> powers{};
  int64_t x = 1;
  for (auto& power : powers) {
    power = x;
    if (&power != &powers.back())
      x *= 10;
  }
  return powers;
}();

/// The larger of the two scales is matched exactly; never overflows.
std::strong_ordering compare_decimals(const cell& a, const cell& b) noexcept;

/// `unscaled / 10^from` as a number of units of `10^-to`, rounded half away from zero; nothing when
/// that has more than 18 digits. @pre both scales are at most 18
std::optional<int64_t> rescale_decimal(int64_t unscaled, int from, int to) noexcept;

/// Reads `[-+]digits[.digits][e[-+]digits]` into units of `10^-scale`. Nothing when the text is
/// something else, has more digits after the point than `scale`, trailing zeros aside, or does not
/// fit in `precision` digits.
std::optional<int64_t> parse_decimal(std::string_view text, uint8_t precision,
                                     uint8_t scale) noexcept;

/// Appends the number in plain digits, as many after the point as the scale says.
void append_decimal(const cell& x, std::string& out);

/// The nearest double.
double decimal_to_double(int64_t unscaled, int scale) noexcept;

} // namespace keyfold
