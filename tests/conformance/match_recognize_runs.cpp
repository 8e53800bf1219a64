#include "case_fields.hpp"
#include "pattern_runs.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <regex>
#include <utility>

namespace keyfold::conformance {

namespace {

/// The number of a row in processing order, beside its columns.
constexpr auto row_number = "row_number_of_case";
/// The key's column where a case has no PARTITION BY.
constexpr auto no_partition = "partition_of_case";

int64_t milliseconds_per(const std::string& unit) {
  static const std::map<std::string, int64_t> known = {
      {"ms", 1},           {"milliseconds", 1}, {"s", 1000},          {"seconds", 1000},
      {"min", 60'000},     {"minutes", 60'000}, {"hours", 3'600'000}, {"h", 3'600'000},
      {"days", 86'400'000}};
  auto found = known.find(unit);
  if (found == known.end())
    throw unknown_notation{"the time unit `" + unit + "` is not known"};
  return found->second;
}

/// The column that has the time of a row.
std::optional<std::string> time_column(const json& row) {
  for (const auto* name : {"t", "ts", "tstamp", "time", "rowtime"})
    if (row.contains(name) && row[name].is_number())
      return name;
  return std::nullopt;
}

/// Without a unit, the times of rows that are in the order of their times count, as seconds, where
/// `within` measures them; else their places do.
bool times_count(const json& x) {
  if (x.contains("time_unit"))
    return true;
  if (!x.contains("within") && !x.contains("input_note"))
    return false;
  return std::all_of(x["rows"].begin(), x["rows"].end(),
                     [](const auto& row) { return time_column(row).has_value(); });
}

std::vector<json> rows_of(const json& x) {
  std::vector<json> rows{x.at("rows").begin(), x.at("rows").end()};
  auto by_time = times_count(x);
  auto unit = milliseconds_per(x.value("time_unit", "seconds"));
  for (size_t i = 0; i < rows.size(); ++i) {
    auto time = by_time ? time_column(rows[i]) : std::nullopt;
    if (by_time && !time)
      throw unknown_notation{"rows without a time that is a number"};
    rows[i]["event_at"] =
        time ? rows[i][*time].get<int64_t>() * unit : static_cast<int64_t>(i) * 1000;
    rows[i][row_number] = i;
    if (!x.contains("partition_by"))
      rows[i][no_partition] = "k";
  }
  return rows;
}

/// `60 min`, `INTERVAL '1' HOUR` and the like.
std::string within_of(const json& written) {
  if (written.is_number())
    return written.dump() + "ms";
  auto text = written.get<std::string>();
  std::smatch parts;
  static const std::regex form{R"(\s*(?:INTERVAL)?\s*'?(\d+)'?\s*([A-Za-z]+?)s?\s*)",
                               std::regex::icase};
  if (!std::regex_match(text, parts, form))
    throw unknown_notation{"the length `" + text + "` is not known"};
  auto unit = parts[2].str();
  std::transform(unit.begin(), unit.end(), unit.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  static const std::map<std::string, std::string> units = {
      {"ms", "ms"},    {"m", "ms"},   {"millisecond", "ms"}, {"s", "s"},
      {"second", "s"}, {"sec", "s"},  {"min", "m"},          {"minute", "m"},
      {"h", "h"},      {"hour", "h"}, {"day", "d"},          {"d", "d"}};
  auto found = units.find(unit);
  if (found == units.end())
    throw unknown_notation{"the length `" + text + "` is not known"};
  return parts[1].str() + found->second;
}

std::vector<std::string> names(const json& x) {
  return x.is_string() ? std::vector{x.get<std::string>()} : x.get<std::vector<std::string>>();
}

/// How a run differs from the others of its case.
struct variant {
  std::string name;
  const char* expected;
  const char* matching;
  bool within_inclusive;
};

/// Of a definition for raw rows: they are first summed in tumbling windows, by a view before the
/// pattern's.
void sum_in_windows(const std::string& note, const json& key, json& definition) {
  static const std::regex form{R"(.*summed per (\w+) in (\d+) s tumbling windows.*)"};
  std::smatch parts;
  if (!std::regex_match(note, parts, form) || names(key) != std::vector{parts[1].str()})
    throw unknown_notation{"the input is made in a way that is not known: " + note};
  auto seconds = parts[2].str();
  json windows{{"name", "windows"},
               {"type", "tumbling_window"},
               {"entity", "key"},
               {"stream", "events"},
               {"size", seconds + "s"},
               {"carry", names(key)},
               {"aggregates",
                json::array({{{"name", "price"}, {"function", "sum"}, {"expression", "price"}}})},
               {"emits",
                {{"name", "sums"},
                 {"derived",
                  {{"startTime", "EPOCH_SECONDS(window_time) / " + seconds + " * " + seconds}}}}}};
  auto& views = definition["views"];
  views[0]["stream"] = "sums";
  views.insert(views.begin(), windows);
}

json view_of(const json& x, const std::vector<std::string>& key, const variant& as) {
  json view;
  view["pattern"] = x.at("pattern");
  view["define"] = x.value("define", json::object());
  view["matching"] = as.matching;
  // Where the text says nothing, SQL goes on behind the match and Flink with the next row.
  auto standard = std::string{as.matching} == "standard";
  view["after_match"] = x.value("after", standard ? "SKIP PAST LAST ROW" : "SKIP TO NEXT ROW");
  if (x.contains("within"))
    view["within"] = within_of(x["within"]);
  if (as.within_inclusive)
    view["within_inclusive"] = true;
  view["measures"] = x.value("measures", json::object());
  if (x.contains("partition_by"))
    for (const auto& column : key)
      if (!view["measures"].contains(column))
        view["measures"][column] = "LAST(" + column + ")";
  if (view["measures"].empty())
    view["measures"]["rows"] = "COUNT(*)";
  return view;
}

run run_of(const json& x, const variant& as) {
  run out;
  out.name = x.at("id").get<std::string>() + as.name;
  out.stream = "found";
  out.refused = x.contains("expected_error");
  auto rows = rows_of(x);
  auto fields = fields_of(rows);
  fit(rows, fields);
  for (const auto& row : rows)
    out.steps.push_back(record{"events", row});
  // Rows of several keys are listed key by key.
  out.explicit_time = !std::is_sorted(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
    return a["event_at"] < b["event_at"];
  });
  auto key = x.contains("partition_by") ? names(x["partition_by"])
                                        : std::vector<std::string>{no_partition};
  out.definition = pattern_definition(rows, key, view_of(x, key, as));
  if (x.contains("input_note"))
    sum_in_windows(x["input_note"], x.value("partition_by", json::array()), out.definition);
  if (!out.refused)
    out.expected = x.at(as.expected).get<std::vector<json>>();
  return out;
}

/// A case that says which variable takes each row: as measures, how many rows each variable has,
/// and which is the first and the last.
run classifier_run(const json& x) {
  auto measured = x;
  measured["measures"] = json::object();
  std::vector<json> matches;
  auto begun = false;
  const auto& variables = x["expected_classifier"];
  for (size_t row = 0; row < variables.size(); ++row) {
    if (!variables[row].is_string()) {
      begun = false;
      continue;
    }
    if (!std::exchange(begun, true))
      matches.push_back(json::object());
    auto variable = variables[row].get<std::string>();
    auto& match = matches.back();
    match[variable + "_rows"] = match.value(variable + "_rows", 0) + 1;
    if (!match.contains(variable + "_first"))
      match[variable + "_first"] = row;
    match[variable + "_last"] = row;
    measured["measures"][variable + "_rows"] = "COUNT(" + variable + ".*)";
    measured["measures"][variable + "_first"] = "FIRST(" + variable + "." + row_number + ")";
    measured["measures"][variable + "_last"] = "LAST(" + variable + "." + row_number + ")";
  }
  measured["expected"] = matches;
  return run_of(measured, {"", "expected", "standard", false});
}

} // namespace

std::vector<run> match_recognize_runs(const json& x) {
  check_keys(x, "the case",
             {"id",
              "kind",
              "source",
              "checked",
              "note",
              "derived",
              "comment",
              "pattern",
              "define",
              "after",
              "measures",
              "rows",
              "partition_by",
              "within",
              "time_unit",
              "expected",
              "expected_by_code_rule",
              "expected_classifier",
              "expected_backtracking_engine",
              "expected_error",
              "input_note"});
  if (x.contains("expected_classifier"))
    return {classifier_run(x)};
  std::vector<run> out;
  // The page and the code of the source disagree on the end of WITHIN.
  auto inclusive = x.contains("expected_by_code_rule");
  if (x.contains("expected") || x.contains("expected_error"))
    out.push_back(
        run_of(x, {inclusive ? " (inclusive)" : "", "expected", "possessive", inclusive}));
  if (inclusive)
    out.push_back(run_of(x, {" (exclusive)", "expected_by_code_rule", "possessive", false}));
  if (x.contains("expected_backtracking_engine"))
    out.push_back(
        run_of(x, {" (backtracking)", "expected_backtracking_engine", "standard", false}));
  if (out.empty())
    throw unknown_notation{"it carries no expectation"};
  return out;
}

} // namespace keyfold::conformance
