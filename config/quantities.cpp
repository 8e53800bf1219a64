#include "config/quantities.hpp"

#include <array>
#include <charconv>
#include <limits>

namespace keyfold::config {

namespace {

struct unit {
  std::string_view name;
  uint64_t factor;
};

constexpr std::array duration_units = {
    unit{"us", 1},         unit{"ms", 1'000},        unit{"s", 1'000'000},
    unit{"m", 60'000'000}, unit{"h", 3'600'000'000}, unit{"d", 86'400'000'000},
};

constexpr std::array size_units = {
    unit{"", 1},
    unit{"B", 1},
    unit{"KiB", 1ull << 10},
    unit{"MiB", 1ull << 20},
    unit{"GiB", 1ull << 30},
    unit{"TiB", 1ull << 40},
    unit{"kB", 1'000},
    unit{"MB", 1'000'000},
    unit{"GB", 1'000'000'000},
    unit{"TB", 1'000'000'000'000},
};

enum class fault { form, range };

template <size_t N>
tl::expected<uint64_t, fault> parse(std::string_view text, const std::array<unit, N>& units,
                                    uint64_t most) {
  uint64_t number = 0;
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (code == std::errc::result_out_of_range)
    return tl::unexpected{fault::range};
  if (code != std::errc{})
    return tl::unexpected{fault::form};
  auto name = text.substr(static_cast<size_t>(end - text.data()));
  for (const auto& candidate : units) {
    if (candidate.name != name)
      continue;
    if (number > most / candidate.factor)
      return tl::unexpected{fault::range};
    return number * candidate.factor;
  }
  return tl::unexpected{fault::form};
}

} // namespace

result<duration> parse_duration(std::string_view text) {
  // A hundred years: additions to any event time stay far from overflow.
  constexpr uint64_t longest = 36'525ull * 86'400 * 1'000'000;
  auto parsed = parse(text, duration_units, longest);
  if (parsed)
    return duration{static_cast<int64_t>(*parsed)};
  if (parsed.error() == fault::range)
    return fail("is too long: at most 36525d");
  return fail("is not a duration: write a whole number and one of us, ms, s, m, h, d, e.g. \"5s\"");
}

result<uint64_t> parse_size(std::string_view text) {
  constexpr uint64_t largest = 1ull << 50;
  auto parsed = parse(text, size_units, largest);
  if (parsed)
    return *parsed;
  if (parsed.error() == fault::range)
    return fail("is too large: at most 1024TiB");
  return fail("is not a size: write a whole number of bytes, or with one of KiB, MiB, GiB, TiB, "
              "e.g. \"64MiB\"");
}

} // namespace keyfold::config
