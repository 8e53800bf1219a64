#pragma once

#include "config/plan.hpp"

#include <map>
#include <optional>
#include <stdexcept>
#include <string>

namespace keyfold::config {

/// The variables that the tests' definitions see; `EMPTY` is set to nothing.
inline std::optional<std::string> test_environment(const std::string& name) {
  static const std::map<std::string, std::string> variables{
      {"APP", "shop"}, {"PORT", "9000"}, {"PASSWORD", "hunter2hunter2"}, {"EMPTY", ""}};
  auto found = variables.find(name);
  return found == variables.end() ? std::nullopt : std::optional{found->second};
}

inline tl::expected<plan, plan_errors> compile_text(const std::string& text) {
  return compile_plan(text, "d.json", test_environment);
}

/// A small definition that is right; tests change one line of it.
inline std::string small_definition() {
  return R"({
  "application": "counters",
  "streams": [{
    "name": "events",
    "source": {"type": "kafka", "brokers": "localhost:9092", "topics": ["w1"]},
    "fields": {
      "eventName": "string", "userId": "string", "tags": "list<string>",
      "eventTs": {"type": "timestamp", "unit": "s"}, "spent": "int64", "note": "string"
    },
    "derived": {"minutes": "spent / 60"},
    "where": "eventName IS NOT NULL",
    "event_time": "eventTs", "max_delay": "5s"
  }],
  "entities": [{"name": "user", "key": ["userId"]}],
  "views": [{
    "name": "activity", "type": "decayed_counters", "entity": "user", "stream": "events",
    "group_by": ["eventName"], "groups": ["like", "view"],
    "time_constants": ["5s", "10s"],
    "measures": [{"name": "count", "function": "count"}],
    "ratios": [{"name": "like_per_view", "numerator": "like.count", "denominator": "view.count"}]
  }],
  "services": [{"name": "ranker", "features": ["activity:*"]}],
  "outputs": [{"name": "changes", "type": "file", "path": "out.jsonl", "views": ["activity"]}],
  "serving": {"port": 8080},
  "ledger": {"path": "state/keyfold.db"}
}
)";
}

/// `small_definition` with the first `what` replaced.
inline std::string changed(const std::string& what, const std::string& with) {
  auto text = small_definition();
  auto at = text.find(what);
  if (at == std::string::npos)
    throw std::logic_error("not in the definition: " + what);
  return text.replace(at, what.size(), with);
}

} // namespace keyfold::config
