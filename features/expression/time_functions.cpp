#include "features/expression/time_functions.hpp"

#include "features/expression/functions.hpp"
#include "features/expression/lexer.hpp"
#include "features/timestamp_format.hpp"

#include <chrono>

namespace keyfold::expressions {

namespace {

using namespace std::chrono;
using arguments = std::span<const cell>;

template <class T>
struct named {
  std::string_view name;
  T value;
};

constexpr std::array units{
    named<time_unit>{"MICROSECOND", time_unit::microsecond},
    named<time_unit>{"MILLISECOND", time_unit::millisecond},
    named<time_unit>{"SECOND", time_unit::second},
    named<time_unit>{"MINUTE", time_unit::minute},
    named<time_unit>{"HOUR", time_unit::hour},
    named<time_unit>{"DAY", time_unit::day},
    named<time_unit>{"WEEK", time_unit::week},
    named<time_unit>{"MONTH", time_unit::month},
    named<time_unit>{"QUARTER", time_unit::quarter},
    named<time_unit>{"YEAR", time_unit::year},
};

constexpr std::array fields{
    named<time_field>{"YEAR", time_field::year},
    named<time_field>{"QUARTER", time_field::quarter},
    named<time_field>{"MONTH", time_field::month},
    named<time_field>{"WEEK", time_field::week},
    named<time_field>{"DAY", time_field::day},
    named<time_field>{"HOUR", time_field::hour},
    named<time_field>{"MINUTE", time_field::minute},
    named<time_field>{"SECOND", time_field::second},
    named<time_field>{"MILLISECOND", time_field::millisecond},
    named<time_field>{"MICROSECOND", time_field::microsecond},
    named<time_field>{"DOW", time_field::day_of_week},
    named<time_field>{"DOY", time_field::day_of_year},
    named<time_field>{"EPOCH", time_field::epoch},
};

template <class T, size_t size>
std::optional<T> find_name(const std::array<named<T>, size>& names,
                           std::string_view wanted) noexcept {
  for (const auto& x : names)
    if (same_word(x.name, wanted)
        || (wanted.size() == x.name.size() + 1 && same_word(x.name, wanted.substr(0, x.name.size()))
            && same_word(wanted.substr(x.name.size()), "S")))
      return x.value;
  return std::nullopt;
}

cell timestamp_or_null(event_time at) noexcept {
  return is_timestamp(at) ? cell::timestamp(at) : cell{};
}

/// Null where the calendar's arithmetic could overflow: in no timestamp that was read.
bool usable(const cell& x) noexcept {
  return is_timestamp(x.as_timestamp());
}

year_month_day date_of(event_time at) noexcept {
  return year_month_day{floor<days>(at)};
}

event_time midnight(year_month_day date) noexcept {
  return event_time{sys_days{date}};
}

/// Of a unit up to the week.
duration length_of(time_unit unit) noexcept {
  switch (unit) {
  case time_unit::microsecond:
    return duration{1};
  case time_unit::millisecond:
    return milliseconds{1};
  case time_unit::second:
    return seconds{1};
  case time_unit::minute:
    return minutes{1};
  case time_unit::hour:
    return hours{1};
  case time_unit::day:
    return days{1};
  default:
    return weeks{1};
  }
}

/// Of a unit longer than a week.
int64_t months_of(time_unit unit) noexcept {
  return unit == time_unit::month ? 1 : unit == time_unit::quarter ? 3 : 12;
}

bool is_calendar_unit(time_unit unit) noexcept {
  return unit >= time_unit::month;
}

// ---- EXTRACT

int64_t week_of(event_time at) noexcept {
  auto day = floor<days>(at);
  // The week belongs to the year that its Thursday is in.
  auto thursday = day - (weekday{day} - Monday) + days{3};
  auto first = sys_days{year_month_day{thursday}.year() / January / 1};
  return (thursday - first).count() / 7 + 1;
}

int64_t field_of(event_time at, time_field field) noexcept {
  auto day = floor<days>(at);
  auto date = year_month_day{day};
  auto time = at - day;
  switch (field) {
  case time_field::year:
    return static_cast<int>(date.year());
  case time_field::quarter:
    return (static_cast<unsigned>(date.month()) + 2) / 3;
  case time_field::month:
    return static_cast<unsigned>(date.month());
  case time_field::week:
    return week_of(at);
  case time_field::day:
    return static_cast<unsigned>(date.day());
  case time_field::hour:
    return floor<hours>(time).count();
  case time_field::minute:
    return floor<minutes>(time).count() % 60;
  case time_field::second:
    return floor<seconds>(time).count() % 60;
  case time_field::millisecond:
    return floor<milliseconds>(time).count() % 1000;
  case time_field::microsecond:
    return time.count() % 1'000'000;
  case time_field::day_of_week:
    return weekday{day}.c_encoding();
  case time_field::day_of_year:
    return (day - sys_days{date.year() / January / 1}).count() + 1;
  case time_field::epoch:
    return floor<seconds>(at).time_since_epoch().count();
  }
  return 0;
}

cell extract(const cell& x, const node& self, evaluation& /*with*/) {
  if (!usable(x))
    return {};
  return cell::integer(field_of(x.as_timestamp(), static_cast<time_field>(self.detail)));
}

template <time_field field>
cell field_function(arguments x, evaluation& /*with*/) {
  return usable(x[0]) ? cell::integer(field_of(x[0].as_timestamp(), field)) : cell{};
}

// ---- DATE_TRUNC

cell truncate(const cell& x, const node& self, evaluation& /*with*/) {
  auto unit = static_cast<time_unit>(self.detail);
  auto at = x.as_timestamp();
  if (!usable(x))
    return {};
  if (is_calendar_unit(unit)) {
    auto date = date_of(at);
    auto month_number = static_cast<unsigned>(date.month()) - 1;
    auto first = month_number - month_number % static_cast<unsigned>(months_of(unit));
    return cell::timestamp(midnight(date.year() / month{first + 1} / 1));
  }
  if (unit == time_unit::week) {
    auto day = floor<days>(at);
    return timestamp_or_null(event_time{day - (weekday{day} - Monday)});
  }
  auto length = length_of(unit).count();
  auto since = at.time_since_epoch().count();
  auto into = since % length;
  return cell::timestamp(event_time{duration{since - (into < 0 ? into + length : into)}});
}

// ---- TIMESTAMP_ADD and TIMESTAMP_DIFF

event_time add_months(event_time at, int64_t count) noexcept {
  auto date = date_of(at);
  auto time = at - floor<days>(at);
  auto moved = date.year() / date.month() + months{count};
  auto last = year_month_day_last{moved.year(), month_day_last{moved.month()}}.day();
  return midnight(moved / std::min(date.day(), last)) + time;
}

cell add_time(const node& self, evaluation& with) {
  auto unit = static_cast<time_unit>(self.detail);
  auto count = self.evaluate(0, with);
  auto at = self.evaluate(1, with);
  if (count.is_null() || at.is_null() || !usable(at))
    return {};
  int64_t steps = 0;
  if (is_calendar_unit(unit)) {
    constexpr int64_t most_months = 12 * 10'000;
    if (__builtin_mul_overflow(count.as_integer(), months_of(unit), &steps) || steps > most_months
        || steps < -most_months)
      return {};
    return timestamp_or_null(add_months(at.as_timestamp(), steps));
  }
  int64_t sum = 0;
  if (__builtin_mul_overflow(count.as_integer(), length_of(unit).count(), &steps)
      || __builtin_add_overflow(at.as_timestamp().time_since_epoch().count(), steps, &sum))
    return {};
  return timestamp_or_null(event_time{duration{sum}});
}

int64_t months_between(event_time from, event_time to) noexcept {
  auto a = date_of(from);
  auto b = date_of(to);
  int64_t count = (b.year() / b.month() - a.year() / a.month()).count();
  if (count > 0 && add_months(from, count) > to)
    --count;
  if (count < 0 && add_months(from, count) < to)
    ++count;
  return count;
}

cell time_difference(const node& self, evaluation& with) {
  auto unit = static_cast<time_unit>(self.detail);
  auto from = self.evaluate(0, with);
  auto to = self.evaluate(1, with);
  if (from.is_null() || to.is_null() || !usable(from) || !usable(to))
    return {};
  if (is_calendar_unit(unit))
    return cell::integer(months_between(from.as_timestamp(), to.as_timestamp()) / months_of(unit));
  return cell::integer((to.as_timestamp() - from.as_timestamp()) / length_of(unit));
}

// ---- numbers and texts

template <class Unit>
cell epoch(arguments x, evaluation& /*with*/) {
  return cell::integer(floor<Unit>(x[0].as_timestamp()).time_since_epoch().count());
}

template <timestamp_unit unit>
cell from_epoch(arguments x, evaluation& /*with*/) {
  auto at = timestamp_of_count(x[0].as_integer(), unit);
  return at ? cell::timestamp(*at) : cell{};
}

cell to_timestamp(arguments x, evaluation& /*with*/) {
  auto at = x.size() > 1 ? read_timestamp(x[0].as_text(), timestamp_unit::pattern, x[1].as_text())
                         : read_timestamp(x[0].as_text(), timestamp_unit::rfc3339);
  return at ? cell::timestamp(*at) : cell{};
}

node unit_node(node::function run, int32_t detail, node first) {
  node x;
  x.run = run;
  x.detail = detail;
  x.children.push_back(std::move(first));
  return x;
}

constexpr auto t = type_kind::timestamp;
constexpr auto i = type_kind::int64;
constexpr auto s = type_kind::string;
constexpr auto none = type_kind::null;

template <time_field field>
constexpr function_signature of_field(std::string_view name) {
  return {name, {t, none, none, none}, 1, 1, i, strict<field_function<field>>};
}

constexpr std::array signatures{
    function_signature{"EPOCH_SECONDS", {t, none, none, none}, 1, 1, i, strict<epoch<seconds>>},
    function_signature{"EPOCH_MILLIS", {t, none, none, none}, 1, 1, i, strict<epoch<milliseconds>>},
    function_signature{"EPOCH_MICROS", {t, none, none, none}, 1, 1, i, strict<epoch<duration>>},
    function_signature{"TIMESTAMP_SECONDS",
                       {i, none, none, none},
                       1,
                       1,
                       t,
                       strict<from_epoch<timestamp_unit::seconds>>},
    function_signature{"TIMESTAMP_MILLIS",
                       {i, none, none, none},
                       1,
                       1,
                       t,
                       strict<from_epoch<timestamp_unit::milliseconds>>},
    function_signature{"TIMESTAMP_MICROS",
                       {i, none, none, none},
                       1,
                       1,
                       t,
                       strict<from_epoch<timestamp_unit::microseconds>>},
    function_signature{"TO_TIMESTAMP", {s, s, none, none}, 1, 2, t, strict<to_timestamp>},
    of_field<time_field::year>("YEAR"),
    of_field<time_field::quarter>("QUARTER"),
    of_field<time_field::month>("MONTH"),
    of_field<time_field::week>("WEEK"),
    of_field<time_field::day>("DAY"),
    of_field<time_field::hour>("HOUR"),
    of_field<time_field::minute>("MINUTE"),
    of_field<time_field::second>("SECOND"),
    of_field<time_field::day_of_week>("DOW"),
    of_field<time_field::day_of_year>("DOY"),
};

} // namespace

std::optional<time_unit> time_unit_of(std::string_view name) noexcept {
  return find_name(units, name);
}

std::optional<time_field> time_field_of(std::string_view name) noexcept {
  return find_name(fields, name);
}

std::string_view time_unit_names() noexcept {
  return "microsecond, millisecond, second, minute, hour, day, week, month, quarter or year";
}

std::string_view time_field_names() noexcept {
  return "year, quarter, month, week, day, hour, minute, second, millisecond, microsecond, dow, "
         "doy "
         "or epoch";
}

std::span<const function_signature> time_functions() noexcept {
  return signatures;
}

node extract_node(time_field field, node timestamp) {
  return unit_node(strict_unary<extract>, static_cast<int32_t>(field), std::move(timestamp));
}

node truncate_node(time_unit unit, node timestamp) {
  return unit_node(strict_unary<truncate>, static_cast<int32_t>(unit), std::move(timestamp));
}

node add_time_node(time_unit unit, node count, node timestamp) {
  auto x = unit_node(add_time, static_cast<int32_t>(unit), std::move(count));
  x.children.push_back(std::move(timestamp));
  return x;
}

node time_difference_node(time_unit unit, node from, node to) {
  auto x = unit_node(time_difference, static_cast<int32_t>(unit), std::move(from));
  x.children.push_back(std::move(to));
  return x;
}

} // namespace keyfold::expressions
