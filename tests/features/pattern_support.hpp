#pragma once

#include "features/pattern.hpp"
#include "view_harness.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// What the tests of patterns share.
namespace keyfold::pattern_test {

using namespace view_test;
using contiguity = pattern_element::contiguity;
using negation = pattern_element::negation;
using preference = pattern_element::preference;
using skip = pattern_settings::skip;

inline scope event_scope() {
  return {{"id", type(type_kind::int64)},
          {"action", type(type_kind::string)},
          {"item", type(type_kind::int64)},
          {"price", type(type_kind::int64)}};
}

inline arrival event(duration at, int64_t id, std::string_view action, int64_t item = 0,
                     int64_t price = 0) {
  return {0,
          start + at,
          {cell::integer(id), cell::string(action), cell::integer(item), cell::integer(price)}};
}

/// A pattern as a text, with conditions for its variables.
inline pattern_settings
pattern_of(std::string_view text,
           const std::vector<std::pair<std::string, std::string>>& conditions,
           contiguity between = contiguity::strict) {
  auto parsed = parse_pattern(text, between);
  INFO(text << (parsed ? "" : ": " + parsed.error().message));
  REQUIRE(parsed);
  pattern_settings out;
  out.name = "pattern";
  out.stream = "events";
  out.columns = event_scope();
  out.pattern = parsed->pattern;
  for (const auto& name : parsed->variables)
    out.variables.push_back({name, std::nullopt});
  for (const auto& [name, condition] : conditions)
    for (auto& x : out.variables)
      if (x.name == name) {
        x.condition = static_cast<uint32_t>(out.conditions.size());
        out.conditions.push_back(condition);
      }
  out.measures = {{"size", "COUNT(*)"}, {"first", "FIRST(id)"}, {"last", "LAST(id)"}};
  return out;
}

inline std::shared_ptr<const view> made(const pattern_settings& settings) {
  auto out = make_pattern(settings);
  INFO((out ? "" : out.error().message));
  REQUIRE(out);
  return out->view;
}

inline key key_of(const pattern_settings& settings) {
  return {made(settings), {event_scope()}};
}

/// Search, view, cart and buy of one item in a row, within ten minutes.
inline pattern_settings conversions() {
  auto out = pattern_of("A B C D", {{"A", "action = 'search'"},
                                    {"B", "action = 'view'"},
                                    {"C", "action = 'cart' AND item = B.item"},
                                    {"D", "action = 'buy' AND item = B.item"}});
  out.measures = {{"query", "A.id"}, {"item", "D.item"}};
  out.within = 10min;
  out.after = skip::to_next;
  return out;
}

/// What is emitted, without the times.
inline std::vector<std::string> rows_of(const published& x) {
  std::vector<std::string> out;
  for (const auto& row : x.emitted)
    out.push_back(row.substr(0, row.find('@')));
  return out;
}

} // namespace keyfold::pattern_test
