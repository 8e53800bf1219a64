#include "features/windows/time_zone.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstdint>
#include <optional>

namespace keyfold {

namespace {

using std::chrono::days;
using std::chrono::seconds;
using std::chrono::sys_days;
using std::chrono::year;

constexpr int last_year = 2400;

/// Big-endian numbers of a file, bounds-checked: bad after the end.
class tzif_reader {
public:
  explicit tzif_reader(std::string_view bytes) : rest_(bytes) {}

  int64_t number(size_t size) {
    if (rest_.size() < size) {
      good_ = false;
      rest_ = {};
      return 0;
    }
    uint64_t x = 0;
    for (auto c : rest_.substr(0, size))
      x = x << 8 | static_cast<uint8_t>(c);
    rest_.remove_prefix(size);
    return size == 4 ? static_cast<int32_t>(static_cast<uint32_t>(x)) : static_cast<int64_t>(x);
  }
  void skip(uint64_t size) {
    good_ = good_ && size <= rest_.size();
    rest_.remove_prefix(good_ ? static_cast<size_t>(size) : rest_.size());
  }
  std::string_view rest() const noexcept { return rest_; }
  bool good() const noexcept { return good_; }

private:
  std::string_view rest_;
  bool good_ = true;
};

struct tzif_header {
  uint64_t utc_marks, standard_marks, leap_seconds, transitions, types, letters;
};

std::optional<tzif_header> read_header(tzif_reader& in) {
  if (!in.rest().starts_with("TZif"))
    return std::nullopt;
  in.skip(4);
  auto version = in.number(1);
  in.skip(15);
  tzif_header out{};
  for (auto* x : {&out.utc_marks, &out.standard_marks, &out.leap_seconds, &out.transitions,
                  &out.types, &out.letters}) {
    *x = static_cast<uint64_t>(in.number(4));
    // Far more than any zone has, and few enough to be multiplied.
    if (*x > 1'000'000)
      return std::nullopt;
  }
  return in.good() && version >= '2' ? std::optional{out} : std::nullopt;
}

/// When in a year clocks change, in the notation of POSIX's TZ.
struct change_rule {
  enum class form : uint8_t { julian, day, week } from = form::day;
  int month = 0, week = 0, weekday = 0; // of `form::week`
  int day = 0;                          // of the others
  seconds at{7200};                     // local time before the change

  seconds begin_in(int in_year) const {
    using namespace std::chrono;
    year y{in_year};
    if (from == form::day)
      return (sys_days{y / 1 / 1} + days{day}).time_since_epoch() + at;
    if (from == form::julian) // 29 February is never counted
      return (sys_days{y / 1 / 1} + days{day - 1 + (y.is_leap() && day >= 60 ? 1 : 0)})
                 .time_since_epoch()
             + at;
    std::chrono::month m{static_cast<unsigned>(month)};
    std::chrono::weekday w{static_cast<unsigned>(weekday)};
    auto date =
        week == 5 ? sys_days{y / m / w[last]} : sys_days{y / m / w[static_cast<unsigned>(week)]};
    return date.time_since_epoch() + at;
  }
};

/// Reads `CET-1CEST,M3.5.0,M10.5.0/3`.
class posix_rule_reader {
public:
  explicit posix_rule_reader(std::string_view text) : rest_(text) {}

  struct rule {
    seconds standard{0};
    bool changes = false;
    seconds summer{0};
    change_rule to_summer, to_standard;
  };

  std::optional<rule> read() {
    rule out;
    if (!name() || !time(out.standard))
      return std::nullopt;
    out.standard = -out.standard; // POSIX counts westwards
    if (rest_.empty())
      return out;
    out.changes = true;
    out.summer = out.standard + seconds{3600};
    if (!name())
      return std::nullopt;
    if (!rest_.starts_with(',')) {
      if (!time(out.summer))
        return std::nullopt;
      out.summer = -out.summer;
    }
    if (!change(out.to_summer) || !change(out.to_standard) || !rest_.empty())
      return std::nullopt;
    return out;
  }

private:
  bool take(char c) {
    if (!rest_.starts_with(c))
      return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool number(int& out) {
    auto [end, problem] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), out);
    if (problem != std::errc{} || out < 0 || out > 10'000)
      return false;
    rest_.remove_prefix(static_cast<size_t>(end - rest_.data()));
    return true;
  }
  bool name() {
    size_t size = 0;
    if (rest_.starts_with('<')) {
      size = rest_.find('>') + 1; // 0 where there is none
    } else {
      while (size < rest_.size() && std::isalpha(static_cast<unsigned char>(rest_[size])) != 0)
        ++size;
    }
    rest_.remove_prefix(size);
    return size >= 3;
  }
  bool time(seconds& out) {
    auto negative = take('-');
    if (!negative)
      take('+');
    int hours = 0;
    int minutes = 0;
    int rest = 0;
    if (!number(hours) || (take(':') && !number(minutes)) || (take(':') && !number(rest)))
      return false;
    out = seconds{(negative ? -1 : 1) * (hours * 3600 + minutes * 60 + rest)};
    return hours <= 167;
  }
  bool change(change_rule& out) {
    if (!take(','))
      return false;
    auto good = false;
    if (take('M')) {
      out.from = change_rule::form::week;
      good = number(out.month) && take('.') && number(out.week) && take('.') && number(out.weekday)
             && out.month >= 1 && out.month <= 12 && out.week >= 1 && out.week <= 5
             && out.weekday <= 6;
    } else {
      out.from = take('J') ? change_rule::form::julian : change_rule::form::day;
      good = number(out.day) && out.day <= 365;
    }
    return good && (!take('/') || time(out.at));
  }

  std::string_view rest_;
};

void expand(const posix_rule_reader::rule& rule, time_zone& to) {
  if (!rule.changes)
    return;
  auto newest =
      to.transitions.empty() ? event_time{sys_days{year{1970} / 1 / 1}} : to.transitions.back().at;
  auto date = std::chrono::year_month_day{std::chrono::floor<days>(newest)};
  std::vector<time_zone::transition> made;
  for (auto y = static_cast<int>(date.year()); y <= last_year; ++y) {
    made.push_back({event_time{rule.to_summer.begin_in(y) - rule.standard}, duration{rule.summer}});
    made.push_back(
        {event_time{rule.to_standard.begin_in(y) - rule.summer}, duration{rule.standard}});
  }
  std::stable_sort(made.begin(), made.end(),
                   [](const auto& a, const auto& b) { return a.at < b.at; });
  // A rule may say that summer begins when it ends: one change for each moment.
  for (const auto& x : made)
    if (x.at > newest) {
      to.transitions.push_back(x);
      newest = x.at;
    }
}

/// The changes of a block as they stand in the file.
struct listed_changes {
  std::vector<int64_t> times; ///< seconds since 1970
  std::vector<size_t> types;  ///< one per time: which of the offsets holds from then on
  std::vector<seconds> offsets;
};

listed_changes read_changes(tzif_reader& in, const tzif_header& header) {
  listed_changes out;
  for (uint64_t i = 0; i < header.transitions && in.good(); ++i)
    out.times.push_back(in.number(8));
  for (uint64_t i = 0; i < header.transitions && in.good(); ++i)
    out.types.push_back(static_cast<size_t>(in.number(1)));
  for (uint64_t i = 0; i < header.types && in.good(); ++i) {
    out.offsets.emplace_back(in.number(4));
    in.skip(2);
  }
  return out;
}

std::optional<time_zone> make_zone(const listed_changes& changes) {
  // Times outside the years that events have would overflow.
  constexpr int64_t bound = 400'000'000'000;
  time_zone out;
  out.offset_before = changes.offsets[0];
  for (size_t i = 0; i < changes.times.size(); ++i) {
    auto at = changes.times[i];
    if (changes.types[i] >= changes.offsets.size() || at > bound
        || (i > 0 && at <= changes.times[i - 1]))
      return std::nullopt;
    auto offset = changes.offsets[changes.types[i]];
    if (at < -bound)
      out.offset_before = offset;
    else
      out.transitions.push_back({event_time{seconds{at}}, offset});
  }
  return out;
}

std::optional<time_zone> read_zone(std::string_view bytes) {
  tzif_reader in{bytes};
  auto first = read_header(in);
  if (!first)
    return std::nullopt;
  // The first block has 32-bit times, for readers of version 1.
  in.skip(first->transitions * 5 + first->types * 6 + first->letters + first->leap_seconds * 8
          + first->standard_marks + first->utc_marks);
  auto header = read_header(in);
  if (!header || header->types == 0)
    return std::nullopt;
  auto changes = read_changes(in, *header);
  in.skip(header->letters + header->leap_seconds * 12 + header->standard_marks + header->utc_marks);
  if (!in.good())
    return std::nullopt;
  auto out = make_zone(changes);
  auto footer = in.rest();
  if (!out || footer.size() < 2 || footer.front() != '\n' || footer.back() != '\n')
    return std::nullopt;
  footer = footer.substr(1, footer.size() - 2);
  if (footer.empty())
    return out;
  auto rule = posix_rule_reader{footer}.read();
  if (!rule)
    return std::nullopt;
  expand(*rule, *out);
  return out;
}

} // namespace

result<time_zone> parse_time_zone(std::string_view tzif) {
  auto zone = read_zone(tzif);
  if (!zone)
    return fail("this is no file of the time zone database (TZif, version 2 or later)");
  return *std::move(zone);
}

} // namespace keyfold
