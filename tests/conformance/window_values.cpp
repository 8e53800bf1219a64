#include "window_values.hpp"

#include "features/timestamp_format.hpp"

#include <optional>

namespace keyfold::conformance {

namespace {

std::optional<event_time> time_of(const std::string& text) {
  for (const auto* pattern : {"%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d,%H:%M:%S",
                              "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d"})
    if (auto at = read_timestamp(text, timestamp_unit::pattern, pattern))
      return at;
  return std::nullopt;
}

} // namespace

table table_of(const json& x, const char* rows) {
  return {x.at("columns").get<std::vector<std::string>>(), x.at(rows).get<std::vector<json>>()};
}

std::string duration_text(const json& length) {
  return std::to_string(length.at("ms").get<int64_t>()) + "ms";
}

int64_t milliseconds_of(const std::string& text) {
  if (auto at = time_of(text))
    return at->time_since_epoch().count() / 1000;
  throw unknown_notation{"no time: " + text};
}

bool is_time(const json& x) {
  return x.is_string() && time_of(x.get<std::string>()).has_value();
}

json plain(const json& x) {
  if (x.is_array()) {
    auto out = json::array();
    for (const auto& item : x)
      out.push_back(plain(item));
    return out;
  }
  if (!x.is_object())
    return x;
  if (x.contains("to_epoch_millis"))
    return milliseconds_of(x["to_epoch_millis"].get<std::string>());
  if (x.contains("to_epoch"))
    return milliseconds_of(x["to_epoch"].get<std::string>()) / 1000;
  if (x.contains("ms"))
    return x["ms"];
  auto out = json::object();
  if (!x.contains("map") || !x["map"].is_array()) {
    for (const auto& [key, value] : x.items())
      out[key] = plain(value);
    return out;
  }
  for (const auto& entry : x["map"])
    out[entry[0].is_string() ? entry[0].get<std::string>() : entry[0].dump()] = plain(entry[1]);
  return out;
}

} // namespace keyfold::conformance
