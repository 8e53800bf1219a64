#include "cases.hpp"

#include "features/timestamp_format.hpp"
#include "pattern_cases.hpp"
#include "window_cases.hpp"

#include <algorithm>
#include <iterator>

namespace keyfold::conformance {

namespace {

constexpr auto neither = "it has no cases in the notation of patterns.json or windows.json";

void add_pattern_case(const json& x, std::vector<run>& to) {
  auto name = x.is_object() ? x.value("id", "a case without an id") : x.dump();
  try {
    for (auto& made : runs_of_pattern_case(x))
      to.push_back(std::move(made));
  } catch (const unknown_notation& why) {
    to.push_back(skipped_run(name, why.what()));
  } catch (const json::exception& why) {
    to.push_back(skipped_run(name, std::string{"it is not written as expected: "} + why.what()));
  }
}

/// One text for all ways to write a value.
std::string text_of(const json& x) {
  if (x.is_number())
    return nlohmann::json(x.get<double>()).dump();
  if (x.is_string())
    if (auto at = read_timestamp(x.get<std::string>(), timestamp_unit::rfc3339))
      return nlohmann::json(static_cast<double>(at->time_since_epoch().count()) / 1000).dump();
  if (!x.is_structured())
    return x.dump();
  std::vector<std::string> parts;
  for (const auto& [key, value] : x.items())
    parts.push_back((x.is_object() ? key + ": " : "") + text_of(value));
  if (x.is_object())
    std::sort(parts.begin(), parts.end());
  std::string out;
  for (const auto& part : parts)
    out += (out.empty() ? "" : ", ") + part;
  return x.is_object() ? "{" + out + "}" : "[" + out + "]";
}

std::vector<std::string> sorted_texts(const std::vector<json>& rows) {
  std::vector<std::string> out;
  for (const auto& row : rows)
    out.push_back(text_of(row));
  std::sort(out.begin(), out.end());
  return out;
}

/// The rows with the columns of `like` alone.
std::vector<json> cut_to(const json& like, const std::vector<json>& rows) {
  std::vector<json> out;
  for (const auto& row : rows) {
    auto& made = out.emplace_back(json::object());
    for (const auto& [name, value] : like.items())
      made[name] = row.value(name, json("no such column"));
  }
  return out;
}

} // namespace

std::vector<run> runs_of(const json& file) {
  std::vector<run> out;
  if (file.is_array() && !file.empty() && file[0].contains("method"))
    throw unknown_notation{
        "its cases are requests to a server of Feast: `scripts/test feast` runs them"};
  if (!file.is_object())
    throw unknown_notation{neither};
  if (file.contains("cases") && file["cases"].is_array())
    for (const auto& x : file["cases"])
      add_pattern_case(x, out);
  for (auto& made : runs_of_window_cases(file))
    out.push_back(std::move(made));
  if (out.empty())
    throw unknown_notation{neither};
  return out;
}

json with_output(const run& x, const std::string& path) {
  auto out = x.definition;
  json output{{"name", "result"}, {"type", "file"}, {"path", path}};
  if (x.view.empty()) {
    output["streams"] = json::array({x.stream});
  } else {
    output["views"] = json::array({x.view});
    output["every_change"] = true;
  }
  if (!x.expected.empty())
    for (const auto& [column, value] : x.expected.front().items())
      output["columns"][column] = column;
  out["outputs"] = json::array({output});
  return out;
}

std::string difference(const std::vector<json>& expected, const std::vector<json>& given) {
  auto wanted = sorted_texts(expected);
  auto found = sorted_texts(expected.empty() ? given : cut_to(expected.front(), given));
  std::string out;
  auto tell = [&](const char* what, const auto& from, const auto& without) {
    std::vector<std::string> only;
    std::set_difference(from.begin(), from.end(), without.begin(), without.end(),
                        std::back_inserter(only));
    for (const auto& text : only)
      out += std::string{out.empty() ? "" : "; "} + what + " " + text;
  };
  tell("missing", wanted, found);
  tell("too much", found, wanted);
  return out;
}

} // namespace keyfold::conformance
