#include "features/timestamp_format.hpp"

#include "features/timestamp_pattern.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace keyfold {

namespace {

constexpr int64_t microseconds_per_second = 1'000'000;

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

/// Every upsert carries a timestamp: fmt takes five times as long.
void put_two_digits(char* to, unsigned x) noexcept {
  to[0] = static_cast<char>('0' + x / 10);
  to[1] = static_cast<char>('0' + x % 10);
}

char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// What the parts of a text said.
struct timestamp_fields {
  int year = 0;
  int month = 1;
  int day = 1;
  int day_of_year = 0; ///< 0: not given
  int hour = 0;
  int minute = 0;
  int second = 0;
  int microsecond = 0;
  int zone_minutes = 0;
  bool afternoon = false;
  bool half_day = false; ///< the hour is one of twelve
  int64_t epoch_seconds = 0;
  bool has_epoch = false;
};

std::optional<event_time> date_of(const timestamp_fields& x) noexcept {
  using namespace std::chrono;
  if (x.has_epoch) {
    if (x.epoch_seconds > latest_timestamp.time_since_epoch().count() / microseconds_per_second)
      return std::nullopt;
    return event_time{duration{x.epoch_seconds * microseconds_per_second}};
  }
  if (x.year < 1)
    return std::nullopt;
  if (x.day_of_year > 0) {
    if (x.day_of_year > (year{x.year}.is_leap() ? 366 : 365))
      return std::nullopt;
    return event_time{sys_days{year{x.year} / January / 1} + days{x.day_of_year - 1}};
  }
  auto date = year_month_day{year{x.year}, month{static_cast<unsigned>(x.month)},
                             day{static_cast<unsigned>(x.day)}};
  if (!date.ok())
    return std::nullopt;
  return event_time{sys_days{date}};
}

std::optional<event_time> assemble(timestamp_fields x) noexcept {
  if (x.half_day) {
    if (x.hour < 1 || x.hour > 12)
      return std::nullopt;
    x.hour = x.hour % 12 + (x.afternoon ? 12 : 0);
  }
  // 60 is a leap second: as in POSIX, the first second of the next minute.
  if (x.hour > 23 || x.minute > 59 || x.second > 60)
    return std::nullopt;
  auto date = date_of(x);
  if (!date)
    return std::nullopt;
  auto at = *date + std::chrono::hours{x.hour} + std::chrono::minutes{x.minute - x.zone_minutes}
            + std::chrono::seconds{x.second} + duration{x.microsecond};
  return is_timestamp(at) ? std::optional{at} : std::nullopt;
}

/// Takes parts from the front of a text; each function says whether the part was there.
class part_reader {
public:
  explicit part_reader(std::string_view text) : rest_(text) {}

  bool at_end() const noexcept { return rest_.empty(); }

  bool literal(char c) noexcept {
    if (rest_.empty() || rest_.front() != c)
      return false;
    rest_.remove_prefix(1);
    return true;
  }

  template <class T>
  bool number(T& out, size_t fewest, size_t most) noexcept {
    size_t count = 0;
    T x = 0;
    while (count < most && count < rest_.size() && is_digit(rest_[count]))
      x = static_cast<T>(x * 10 + (rest_[count++] - '0'));
    if (count < fewest || count == 0)
      return false;
    rest_.remove_prefix(count);
    out = x;
    return true;
  }

  bool fraction(int& microsecond, size_t fewest, size_t most) noexcept {
    size_t count = 0;
    auto x = 0;
    for (; count < most && count < rest_.size() && is_digit(rest_[count]); ++count)
      if (count < 6)
        x = x * 10 + (rest_[count] - '0');
    if (count < fewest || count == 0)
      return false;
    for (auto digit = count; digit < 6; ++digit)
      x *= 10;
    rest_.remove_prefix(count);
    microsecond = x;
    return true;
  }

  bool zone_offset(int& minutes) noexcept {
    if (literal('Z') || literal('z'))
      return true;
    if (rest_.empty() || (rest_.front() != '+' && rest_.front() != '-'))
      return false;
    auto sign = rest_.front() == '-' ? -1 : 1;
    rest_.remove_prefix(1);
    auto hour = 0;
    auto minute = 0;
    if (!number(hour, 2, 2))
      return false;
    auto colon = literal(':');
    if ((colon || (!rest_.empty() && is_digit(rest_.front()))) && !number(minute, 2, 2))
      return false;
    minutes = sign * (hour * 60 + minute);
    return hour < 24 && minute < 60;
  }

  /// One of `names`, whole or its first three letters, in any case; its number, from 0.
  bool name(std::span<const std::string_view> names, int& out) noexcept {
    for (size_t i = 0; i < names.size(); ++i) {
      if (word(names[i]) || word(names[i].substr(0, 3))) {
        out = static_cast<int>(i);
        return true;
      }
    }
    return false;
  }

  bool word(std::string_view wanted) noexcept {
    if (rest_.size() < wanted.size()
        || !std::equal(wanted.begin(), wanted.end(), rest_.begin(),
                       [](char a, char b) { return lower(a) == lower(b); }))
      return false;
    rest_.remove_prefix(wanted.size());
    return true;
  }

private:
  std::string_view rest_;
};

constexpr std::array<std::string_view, 12> month_names{
    "January", "February", "March",     "April",   "May",      "June",
    "July",    "August",   "September", "October", "November", "December"};
constexpr std::array<std::string_view, 7> weekday_names{
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"};

bool read_month_name(part_reader& in, timestamp_fields& out) noexcept {
  if (!in.name(month_names, out.month))
    return false;
  ++out.month;
  return true;
}

bool read_half_day(part_reader& in, timestamp_fields& out) noexcept {
  out.afternoon = in.word("PM");
  return out.afternoon || in.word("AM");
}

bool read_year_of_century(part_reader& in, timestamp_fields& out) noexcept {
  if (!in.number(out.year, 2, 2))
    return false;
  out.year += out.year < 69 ? 2000 : 1900;
  return true;
}

bool read_part(const timestamp_directive& x, part_reader& in, timestamp_fields& out) noexcept {
  switch (x.part) {
  case timestamp_part::literal:
    return in.literal(x.character);
  case timestamp_part::year:
    return in.number(out.year, x.fewest, x.most);
  case timestamp_part::year_of_century:
    return read_year_of_century(in, out);
  case timestamp_part::month:
    return in.number(out.month, x.fewest, x.most);
  case timestamp_part::month_name:
    return read_month_name(in, out);
  case timestamp_part::day:
    return in.number(out.day, x.fewest, x.most);
  case timestamp_part::day_of_year:
    return in.number(out.day_of_year, x.fewest, x.most) && out.day_of_year > 0;
  case timestamp_part::hour:
    return in.number(out.hour, x.fewest, x.most);
  case timestamp_part::hour_of_half_day:
    out.half_day = true;
    return in.number(out.hour, x.fewest, x.most);
  case timestamp_part::half_day:
    return read_half_day(in, out);
  case timestamp_part::minute:
    return in.number(out.minute, x.fewest, x.most);
  case timestamp_part::second:
    return in.number(out.second, x.fewest, x.most);
  case timestamp_part::fraction:
    return in.fraction(out.microsecond, x.fewest, x.most);
  case timestamp_part::zone_offset:
    return in.zone_offset(out.zone_minutes);
  case timestamp_part::zone_name:
    return in.word("UTC") || in.word("GMT") || in.literal('Z');
  case timestamp_part::weekday_name: {
    auto ignored = 0;
    return in.name(weekday_names, ignored);
  }
  case timestamp_part::epoch_seconds:
    out.has_epoch = true;
    return in.number(out.epoch_seconds, x.fewest, x.most);
  }
  return false;
}

std::optional<event_time> read_pattern(std::string_view text, std::string_view pattern) noexcept {
  timestamp_pattern_reader parts{pattern};
  part_reader in{text};
  timestamp_fields fields;
  while (auto part = parts.next())
    if (!read_part(*part, in, fields))
      return std::nullopt;
  if (!parts.good() || !in.at_end())
    return std::nullopt;
  return assemble(fields);
}

std::optional<event_time> read_rfc3339(std::string_view text) noexcept {
  part_reader in{text};
  timestamp_fields x;
  auto separated = [&in] { return in.literal('T') || in.literal('t') || in.literal(' '); };
  if (!in.number(x.year, 4, 4) || !in.literal('-') || !in.number(x.month, 2, 2) || !in.literal('-')
      || !in.number(x.day, 2, 2) || !separated() || !in.number(x.hour, 2, 2) || !in.literal(':')
      || !in.number(x.minute, 2, 2) || !in.literal(':') || !in.number(x.second, 2, 2))
    return std::nullopt;
  if (in.literal('.') && !in.fraction(x.microsecond, 1, std::numeric_limits<size_t>::max()))
    return std::nullopt;
  if (!in.zone_offset(x.zone_minutes) || !in.at_end())
    return std::nullopt;
  return assemble(x);
}

int64_t microseconds_of(timestamp_unit unit) noexcept {
  switch (unit) {
  case timestamp_unit::seconds:
    return microseconds_per_second;
  case timestamp_unit::milliseconds:
    return 1000;
  default:
    return 1;
  }
}

std::optional<event_time> read_number(std::string_view text, timestamp_unit unit) noexcept {
  part_reader in{text};
  auto negative = in.literal('-');
  int64_t count = 0;
  // 18 digits cannot overflow 64 bits, and are more than any timestamp needs.
  if (!in.number(count, 1, 18))
    return std::nullopt;
  auto fraction = 0;
  if (in.literal('.') && !in.fraction(fraction, 1, std::numeric_limits<size_t>::max()))
    return std::nullopt;
  auto per_unit = microseconds_of(unit);
  auto limit = -(earliest_timestamp.time_since_epoch().count() / per_unit) * 5;
  if (!in.at_end() || count > limit)
    return std::nullopt;
  auto sum = count * per_unit + fraction * per_unit / microseconds_per_second;
  auto at = event_time{duration{negative ? -sum : sum}};
  return is_timestamp(at) ? std::optional{at} : std::nullopt;
}

std::string_view name_of(timestamp_unit unit) noexcept {
  switch (unit) {
  case timestamp_unit::seconds:
    return "seconds since 1970";
  case timestamp_unit::milliseconds:
    return "milliseconds since 1970";
  case timestamp_unit::microseconds:
    return "microseconds since 1970";
  default:
    return "an RFC 3339 time with a zone, e.g. 2024-02-29T23:59:59Z";
  }
}

tl::unexpected<error> unreadable(std::string_view text, timestamp_unit unit,
                                 std::string_view pattern) {
  auto shown = text.substr(0, 64);
  if (unit == timestamp_unit::pattern)
    return fail(fmt::format("timestamp `{}` does not match the pattern `{}`", shown, pattern));
  return fail(fmt::format("timestamp `{}` is not {} within the years 1 to 9999: correct it or "
                          "declare how it is written",
                          shown, name_of(unit)));
}

} // namespace

std::optional<event_time> read_timestamp(std::string_view text, timestamp_unit unit,
                                         std::string_view pattern) noexcept {
  if (unit == timestamp_unit::pattern)
    return read_pattern(text, pattern);
  return unit == timestamp_unit::rfc3339 ? read_rfc3339(text) : read_number(text, unit);
}

result<event_time> parse_timestamp(std::string_view text, timestamp_unit unit,
                                   std::string_view pattern) {
  auto at = read_timestamp(text, unit, pattern);
  if (!at)
    return unreadable(text, unit, pattern);
  return *at;
}

std::optional<event_time> timestamp_of_count(int64_t count, timestamp_unit unit) noexcept {
  auto per_unit = microseconds_of(unit);
  if (count < earliest_timestamp.time_since_epoch().count() / per_unit
      || count > latest_timestamp.time_since_epoch().count() / per_unit)
    return std::nullopt;
  return event_time{duration{count * per_unit}};
}

result<event_time> timestamp_from_number(int64_t count, timestamp_unit unit) {
  if (auto at = timestamp_of_count(count, unit))
    return *at;
  return unreadable(fmt::to_string(count), unit, {});
}

result<event_time> timestamp_from_number(double count, timestamp_unit unit) {
  auto microseconds = count * static_cast<double>(microseconds_of(unit));
  // Written so that NaN fails, too.
  if (std::fabs(microseconds) < 4e17) {
    auto at = event_time{duration{std::llround(microseconds)}};
    if (is_timestamp(at))
      return at;
  }
  return unreadable(fmt::to_string(count), unit, {});
}

result<void> check_timestamp_pattern(std::string_view pattern) {
  timestamp_pattern_reader parts{pattern};
  uint32_t seen = 0;
  auto bit = [](timestamp_part part) { return uint32_t{1} << static_cast<unsigned>(part); };
  while (auto part = parts.next())
    seen |= bit(part->part);
  if (!parts.good())
    return fail(fmt::format("timestamp pattern `{}` is wrong at `{}`: use the letters of strptime "
                            "after `%`, or those of Java's DateTimeFormatter",
                            pattern, parts.rest()));
  auto has = [&](timestamp_part part) { return (seen & bit(part)) != 0; };
  auto year = has(timestamp_part::year) || has(timestamp_part::year_of_century);
  auto month = has(timestamp_part::month) || has(timestamp_part::month_name);
  auto date = year && ((month && has(timestamp_part::day)) || has(timestamp_part::day_of_year));
  if (!date && !has(timestamp_part::epoch_seconds))
    return fail(fmt::format("timestamp pattern `{}` names no whole date: it needs a year, a month "
                            "and a day, e.g. `%Y-%m-%d`",
                            pattern));
  if (has(timestamp_part::hour_of_half_day) != has(timestamp_part::half_day))
    return fail(fmt::format("timestamp pattern `{}` needs both or neither of an hour of twelve "
                            "and AM or PM",
                            pattern));
  return {};
}

void append_rfc3339(event_time at, std::string& out) {
  using namespace std::chrono;
  at = std::clamp(at, earliest_timestamp, latest_timestamp);
  auto day = floor<days>(at);
  year_month_day date{day};
  hh_mm_ss time{at - day};
  auto year = static_cast<unsigned>(static_cast<int>(date.year()));
  auto fraction = static_cast<unsigned>(time.subseconds().count());
  char text[] = "0000-00-00T00:00:00.000000Z";
  put_two_digits(text, year / 100);
  put_two_digits(text + 2, year % 100);
  put_two_digits(text + 5, static_cast<unsigned>(date.month()));
  put_two_digits(text + 8, static_cast<unsigned>(date.day()));
  put_two_digits(text + 11, static_cast<unsigned>(time.hours().count()));
  put_two_digits(text + 14, static_cast<unsigned>(time.minutes().count()));
  put_two_digits(text + 17, static_cast<unsigned>(time.seconds().count()));
  put_two_digits(text + 20, fraction / 10'000);
  put_two_digits(text + 22, fraction / 100 % 100);
  put_two_digits(text + 24, fraction % 100);
  auto size = sizeof "0000-00-00T00:00:00" - 1;
  if (fraction != 0)
    size += fraction % 1000 == 0 ? 4 : 7;
  text[size] = 'Z';
  out.append(text, size + 1);
}

std::string format_rfc3339(event_time at) {
  std::string out;
  append_rfc3339(at, out);
  return out;
}

} // namespace keyfold
