#include "features/timestamp_writer.hpp"

#include "features/timestamp_format.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

namespace keyfold {

namespace {

constexpr std::array<std::string_view, 12> month_names{
    "January", "February", "March",     "April",   "May",      "June",
    "July",    "August",   "September", "October", "November", "December"};
constexpr std::array<std::string_view, 7> weekday_names{
    "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};

void append_digits(int64_t x, int width, std::string& out) {
  fmt::format_to(std::back_inserter(out), "{:0{}}", x, width);
}

void append_name(std::string_view name, size_t letters, std::string& out) {
  out += letters == 0 ? name : name.substr(0, letters);
}

/// A moment, taken apart.
struct moment {
  explicit moment(event_time x)
      : at(x), day(std::chrono::floor<std::chrono::days>(x)), date(day), time(x - day) {}

  event_time at;
  std::chrono::sys_days day;
  std::chrono::year_month_day date;
  std::chrono::hh_mm_ss<duration> time;
};

void append_fraction(const moment& x, size_t digits, std::string& out) {
  auto text = fmt::format("{:06}000", x.time.subseconds().count());
  out.append(text, 0, digits);
}

void append_date(const timestamp_directive& part, const moment& x, std::string& out) {
  using namespace std::chrono;
  auto year_number = static_cast<int>(x.date.year());
  switch (part.part) {
  case timestamp_part::year:
    return append_digits(year_number, 4, out);
  case timestamp_part::year_of_century:
    return append_digits(year_number % 100, 2, out);
  case timestamp_part::month:
    return append_digits(static_cast<unsigned>(x.date.month()), part.fewest, out);
  case timestamp_part::month_name:
    return append_name(month_names[static_cast<unsigned>(x.date.month()) - 1], part.fewest, out);
  case timestamp_part::day:
    return append_digits(static_cast<unsigned>(x.date.day()), part.fewest, out);
  case timestamp_part::day_of_year:
    return append_digits((x.day - sys_days{x.date.year() / January / 1}).count() + 1, part.fewest,
                         out);
  default:
    return append_name(weekday_names[weekday{x.day}.c_encoding()], part.fewest, out);
  }
}

void append_part(const timestamp_directive& part, const moment& x, std::string& out) {
  auto hour = x.time.hours().count();
  switch (part.part) {
  case timestamp_part::literal:
    return out.push_back(part.character);
  case timestamp_part::hour:
    return append_digits(hour, part.fewest, out);
  case timestamp_part::hour_of_half_day:
    return append_digits(hour % 12 == 0 ? 12 : hour % 12, part.fewest, out);
  case timestamp_part::half_day:
    return append_name(hour < 12 ? "AM" : "PM", 0, out);
  case timestamp_part::minute:
    return append_digits(x.time.minutes().count(), part.fewest, out);
  case timestamp_part::second:
    return append_digits(x.time.seconds().count(), part.fewest, out);
  case timestamp_part::fraction:
    return append_fraction(x, part.fewest, out);
  case timestamp_part::zone_offset:
    return out.push_back('Z');
  case timestamp_part::zone_name:
    return append_name("UTC", 0, out);
  case timestamp_part::epoch_seconds:
    return append_digits(std::chrono::floor<std::chrono::seconds>(x.at).time_since_epoch().count(),
                         1, out);
  default:
    return append_date(part, x, out);
  }
}

} // namespace

result<timestamp_writer> timestamp_writer::make(std::string_view pattern) {
  timestamp_pattern_reader parts{pattern};
  timestamp_writer made;
  while (auto part = parts.next()) {
    // strptime takes one digit where strftime writes two.
    if (parts.percent())
      part->fewest = part->part == timestamp_part::fraction ? 6 : part->most;
    made.parts_.push_back(*part);
  }
  if (!parts.good())
    return fail(fmt::format("timestamp pattern `{}` is wrong at `{}`: use the letters of strftime "
                            "after `%`, or those of Java's DateTimeFormatter",
                            pattern, parts.rest()));
  return made;
}

void timestamp_writer::append(event_time at, std::string& out) const {
  moment x{std::clamp(at, earliest_timestamp, latest_timestamp)};
  for (const auto& part : parts_)
    append_part(part, x, out);
}

} // namespace keyfold
