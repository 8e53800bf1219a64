#include "http/query_parameters.hpp"

#include "features/timestamp_format.hpp"
#include "http/suggestion.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>

namespace keyfold::http {

result<std::optional<event_time>> read_as_of(const target& where, event_time now) {
  auto segments = where.segments();
  auto given = segments.size() == 3 && segments[0] == "as_of" ? std::optional{segments[1]}
                                                              : where.find("as_of");
  if (!given || *given == "watermark")
    return std::nullopt;
  if (*given == "now")
    return now;
  int64_t milliseconds = 0;
  auto* last = given->data() + given->size();
  auto [end, problem] = std::from_chars(given->data(), last, milliseconds);
  auto at = problem == std::errc{} && end == last
                ? timestamp_from_number(milliseconds, timestamp_unit::milliseconds)
                : parse_timestamp(*given, timestamp_unit::rfc3339);
  if (!at)
    return fail(fmt::format("as_of={}: write now, watermark, milliseconds since 1970, or a "
                            "timestamp such as 2026-01-31T12:00:00Z",
                            given->substr(0, 100)));
  return *at;
}

result<void> check_parameters(const target& where, std::span<const std::string_view> known) {
  auto given = where.parameters();
  for (auto x = given.begin(); x != given.end(); ++x) {
    if (std::find(known.begin(), known.end(), x->name) == known.end())
      return fail(fmt::format("there is no parameter \"{}\" here{}", x->name.substr(0, 100),
                              suggestion(x->name, known)));
    if (std::any_of(given.begin(), x, [&](const auto& y) { return y.name == x->name; }))
      return fail(fmt::format("the parameter \"{}\" is given twice: give it once, several names "
                              "separated by commas",
                              x->name));
  }
  return {};
}

event_time wall_now() {
  return std::chrono::floor<duration>(std::chrono::system_clock::now());
}

} // namespace keyfold::http
