#include "features/decimal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace keyfold {

namespace {

__extension__ using wide = __int128;

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

/// The digits of a number's text, taken apart.
struct decimal_parts {
  bool negative = false;
  std::string_view whole;
  std::string_view fraction;
  int exponent = 0;
};

std::string_view take_digits(std::string_view& text) noexcept {
  size_t count = 0;
  while (count < text.size() && is_digit(text[count]))
    ++count;
  auto digits = text.substr(0, count);
  text.remove_prefix(count);
  return digits;
}

bool take_exponent(std::string_view& text, int& exponent) noexcept {
  if (text.empty() || (text.front() != 'e' && text.front() != 'E'))
    return true;
  text.remove_prefix(1);
  if (!text.empty() && text.front() == '+') {
    text.remove_prefix(1);
    if (text.empty() || !is_digit(text.front()))
      return false;
  }
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), exponent);
  if (problem != std::errc{} || exponent > 1000 || exponent < -1000)
    return false;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return true;
}

std::optional<decimal_parts> split(std::string_view text) noexcept {
  decimal_parts parts;
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
    parts.negative = text.front() == '-';
    text.remove_prefix(1);
  }
  parts.whole = take_digits(text);
  if (!text.empty() && text.front() == '.') {
    text.remove_prefix(1);
    parts.fraction = take_digits(text);
  }
  if (parts.whole.empty() && parts.fraction.empty())
    return std::nullopt;
  if (!take_exponent(text, parts.exponent) || !text.empty())
    return std::nullopt;
  return parts;
}

} // namespace

std::strong_ordering compare_decimals(const cell& a, const cell& b) noexcept {
  auto scale = std::max(a.scale(), b.scale());
  auto x = static_cast<wide>(a.unscaled()) * powers_of_ten[size_t{scale} - a.scale()];
  auto y = static_cast<wide>(b.unscaled()) * powers_of_ten[size_t{scale} - b.scale()];
  return x < y   ? std::strong_ordering::less
         : x > y ? std::strong_ordering::greater
                 : std::strong_ordering::equal;
}

std::optional<int64_t> rescale_decimal(int64_t unscaled, int from, int to) noexcept {
  auto x = static_cast<wide>(unscaled);
  if (to >= from) {
    x *= powers_of_ten[static_cast<size_t>(to - from)];
  } else {
    auto divisor = powers_of_ten[static_cast<size_t>(from - to)];
    auto half = divisor / 2;
    x = (x + (x < 0 ? -half : half)) / divisor;
  }
  auto limit = static_cast<wide>(powers_of_ten.back());
  if (x >= limit || x <= -limit)
    return std::nullopt;
  return static_cast<int64_t>(x);
}

std::optional<int64_t> parse_decimal(std::string_view text, uint8_t precision,
                                     uint8_t scale) noexcept {
  auto parts = split(text);
  if (!parts)
    return std::nullopt;
  // A digit's place counts from the point, after moving it by the exponent; the digit of place -1
  // is the first one behind it.
  auto place = static_cast<int64_t>(parts->whole.size()) + parts->exponent;
  int64_t unscaled = 0;
  for (auto digits : {parts->whole, parts->fraction}) {
    for (auto c : digits) {
      --place;
      if (c == '0')
        continue;
      auto power = place + scale;
      if (power < 0 || power >= precision)
        return std::nullopt;
      unscaled += (c - '0') * powers_of_ten[static_cast<size_t>(power)];
    }
  }
  return parts->negative ? -unscaled : unscaled;
}

void append_decimal(const cell& x, std::string& out) {
  auto negative = x.unscaled() < 0;
  auto magnitude =
      negative ? ~static_cast<uint64_t>(x.unscaled()) + 1 : static_cast<uint64_t>(x.unscaled());
  auto power = static_cast<uint64_t>(powers_of_ten[x.scale()]);
  auto to = std::back_inserter(out);
  if (x.scale() == 0)
    fmt::format_to(to, "{}{}", negative ? "-" : "", magnitude);
  else
    fmt::format_to(to, "{}{}.{:0{}}", negative ? "-" : "", magnitude / power, magnitude % power,
                   x.scale());
}

double decimal_to_double(int64_t unscaled, int scale) noexcept {
  // Both operands are exact in a long double, so that only the quotient is rounded.
  return static_cast<double>(static_cast<long double>(unscaled)
                             / static_cast<long double>(powers_of_ten[static_cast<size_t>(scale)]));
}

} // namespace keyfold
