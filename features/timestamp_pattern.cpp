#include "features/timestamp_pattern.hpp"

#include <algorithm>

namespace keyfold {

namespace {

using part = timestamp_part;

timestamp_directive digits(part what, uint8_t fewest, uint8_t most) {
  return {what, fewest, most, 0};
}

timestamp_directive literal(char c) {
  return {part::literal, 1, 1, c};
}

std::optional<timestamp_directive> of_percent(char c) {
  switch (c) {
  case 'Y':
    return digits(part::year, 4, 4);
  case 'y':
    return digits(part::year_of_century, 2, 2);
  case 'm':
    return digits(part::month, 1, 2);
  case 'b':
    return digits(part::month_name, 3, 3);
  case 'B':
    return digits(part::month_name, 0, 0);
  case 'd':
  case 'e':
    return digits(part::day, 1, 2);
  case 'j':
    return digits(part::day_of_year, 1, 3);
  case 'H':
    return digits(part::hour, 1, 2);
  case 'I':
    return digits(part::hour_of_half_day, 1, 2);
  case 'p':
    return digits(part::half_day, 0, 0);
  case 'M':
    return digits(part::minute, 1, 2);
  case 'S':
    return digits(part::second, 1, 2);
  case 'f':
    return digits(part::fraction, 1, 9);
  case 'z':
    return digits(part::zone_offset, 0, 0);
  case 'Z':
    return digits(part::zone_name, 0, 0);
  case 'a':
    return digits(part::weekday_name, 3, 3);
  case 'A':
    return digits(part::weekday_name, 0, 0);
  case 's':
    return digits(part::epoch_seconds, 1, 12);
  case '%':
    return literal('%');
  default:
    return std::nullopt;
  }
}

/// `count` times the letter `c`, as Java's DateTimeFormatter reads it.
std::optional<timestamp_directive> of_letters(char c, size_t count) {
  auto two_digits = [count](part what) -> std::optional<timestamp_directive> {
    if (count > 2)
      return std::nullopt;
    return digits(what, static_cast<uint8_t>(count), 2);
  };
  switch (c) {
  case 'y':
  case 'u':
    if (count == 2)
      return digits(part::year_of_century, 2, 2);
    return count == 4 || count == 1 ? std::optional{digits(part::year, 4, 4)} : std::nullopt;
  case 'M':
    if (count == 3)
      return digits(part::month_name, 3, 3);
    return count == 4 ? digits(part::month_name, 0, 0) : two_digits(part::month);
  case 'd':
    return two_digits(part::day);
  case 'D':
    return count <= 3 ? std::optional{digits(part::day_of_year, static_cast<uint8_t>(count), 3)}
                      : std::nullopt;
  case 'H':
    return two_digits(part::hour);
  case 'h':
    return two_digits(part::hour_of_half_day);
  case 'a':
    return count == 1 ? std::optional{digits(part::half_day, 0, 0)} : std::nullopt;
  case 'm':
    return two_digits(part::minute);
  case 's':
    return two_digits(part::second);
  case 'S':
    return count <= 9 ? std::optional{digits(part::fraction, static_cast<uint8_t>(count),
                                             static_cast<uint8_t>(count))}
                      : std::nullopt;
  case 'E':
    if (count > 4)
      return std::nullopt;
    return count == 4 ? digits(part::weekday_name, 0, 0) : digits(part::weekday_name, 3, 3);
  case 'X':
  case 'x':
  case 'Z':
    return count <= 3 ? std::optional{digits(part::zone_offset, 0, 0)} : std::nullopt;
  case 'z':
    return count <= 4 ? std::optional{digits(part::zone_name, 0, 0)} : std::nullopt;
  default:
    return std::nullopt;
  }
}

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

} // namespace

std::optional<timestamp_directive> timestamp_pattern_reader::next() {
  if (!good_)
    return std::nullopt;
  return percent_ ? next_percent() : next_letters();
}

std::optional<timestamp_directive> timestamp_pattern_reader::next_percent() {
  auto& from = expansion_.empty() ? rest_ : expansion_;
  if (from.empty())
    return std::nullopt;
  if (from.front() != '%') {
    auto result = literal(from.front());
    from.remove_prefix(1);
    return result;
  }
  auto letter = from.size() > 1 ? from[1] : '\0';
  if (letter == 'F' || letter == 'T') {
    from.remove_prefix(2);
    expansion_ = letter == 'F' ? "%Y-%m-%d" : "%H:%M:%S";
    return next_percent();
  }
  auto result = of_percent(letter);
  if (result)
    from.remove_prefix(2);
  else
    good_ = false;
  return result;
}

std::optional<timestamp_directive> timestamp_pattern_reader::next_letters() {
  while (!rest_.empty() && rest_.front() == '\'') {
    if (rest_.size() > 1 && rest_[1] == '\'') {
      rest_.remove_prefix(2);
      return literal('\'');
    }
    quoted_ = !quoted_;
    rest_.remove_prefix(1);
  }
  if (rest_.empty()) {
    good_ = !quoted_;
    return std::nullopt;
  }
  if (quoted_ || !is_letter(rest_.front()))
    return next_literal();
  auto c = rest_.front();
  auto count = std::min(rest_.find_first_not_of(c), rest_.size());
  auto result = of_letters(c, count);
  if (result)
    rest_.remove_prefix(count);
  else
    good_ = false;
  return result;
}

std::optional<timestamp_directive> timestamp_pattern_reader::next_literal() {
  auto result = literal(rest_.front());
  rest_.remove_prefix(1);
  return result;
}

} // namespace keyfold
