#include "pattern_cases.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <stdexcept>

namespace keyfold::conformance {

namespace {

/// A name for something of the case that may have any characters.
std::string quoted_text(const std::string& text) {
  std::string out = "'";
  for (auto c : text)
    out += c == '\'' ? "''" : std::string{c};
  return out + "'";
}

std::string literal(const json& x) {
  if (x.is_string())
    return quoted_text(x.get<std::string>());
  if (x.is_boolean())
    return x.get<bool>() ? "TRUE" : "FALSE";
  return x.is_null() ? "NULL" : x.dump();
}

std::string type_of(const std::vector<json>& records, const std::string& field) {
  std::string out = "string";
  for (const auto& x : records) {
    if (!x.contains(field) || x[field].is_null())
      continue;
    if (x[field].is_boolean())
      return "bool";
    if (x[field].is_number_float())
      return "double";
    if (x[field].is_number())
      out = "int64";
  }
  return out;
}

/// What all runs of a case share: the definition around the view.
json definition_around(const std::vector<json>& records, std::vector<std::string> key, json view) {
  json fields = json::object();
  for (const auto& x : records)
    for (const auto& [name, value] : x.items())
      fields[name] = type_of(records, name);
  fields["event_at"] = {{"type", "timestamp"}, {"unit", "ms"}};
  json entity = {{"name", "key"}, {"key", key}};
  view["name"] = "matches";
  view["type"] = "pattern";
  view["entity"] = "key";
  view["stream"] = "events";
  return {{"application", "conformance"},
          {"streams",
           {{{"name", "events"},
             {"source", {{"type", "http_push"}}},
             {"fields", fields},
             {"event_time", "event_at"}}}},
          {"entities", {entity}},
          {"views", {view}}};
}

/// The stages of a CEP case.
class stage_translator {
public:
  json stages(const json& from) {
    json out = json::array();
    for (const auto& x : from)
      out.push_back(stage(x));
    return out;
  }
  /// The variable that a stage of this name is.
  std::string variable(const std::string& stage) const {
    auto found = variables_.find(stage);
    return found == variables_.end() ? stage : found->second;
  }
  void name_all(const json& from) {
    for (const auto& x : from) {
      if (const auto* inner = group_of(x))
        name_all(*inner);
      else
        variables_.emplace(x.at("name").get<std::string>(),
                           "v" + std::to_string(variables_.size()));
    }
  }

private:
  static const json* group_of(const json& x) {
    for (const auto* key : {"group", "stages"})
      if (x.contains(key))
        return &x[key];
    return nullptr;
  }

  json stage(const json& x) const {
    json out;
    if (const auto* inner = group_of(x)) {
      out["stages"] = json::array();
      for (const auto& part : *inner)
        out["stages"].push_back(stage(part));
    } else {
      auto name = x.at("name").get<std::string>();
      out["variable"] = variable(name);
      if (x.contains("when") && x["when"].value("op", "") != "true")
        out["where"] = condition(x["when"], name);
    }
    static const std::map<std::string, std::string> links = {{"next", "next"},
                                                             {"followedBy", "followed_by"},
                                                             {"followedByAny", "followed_by_any"},
                                                             {"notNext", "not_next"},
                                                             {"notFollowedBy", "not_followed_by"}};
    auto link = links.find(x.value("link", "begin"));
    if (link != links.end())
      out["link"] = link->second;
    repetition(x, out);
    return out;
  }

  void repetition(const json& x, json& out) const {
    auto least = x.value("min", 1);
    auto bounded = x.contains("max") && !x["max"].is_null();
    auto most = bounded ? x["max"].get<int>() : 0;
    if (!bounded || least != 1 || most != 1)
      out["times"] =
          "{" + std::to_string(least) + "," + (bounded ? std::to_string(most) : "") + "}";
    if (x.value("optional", false))
      out["optional"] = true;
    if (x.value("greedy", false))
      out["greedy"] = true;
    if (x.contains("loop") && out.contains("times"))
      out["loop"] = x["loop"];
    if (x.contains("until"))
      out["until"] = condition(x["until"], "");
  }

  std::string condition(const json& x, const std::string& own) const {
    auto op = x.at("op").get<std::string>();
    if (op == "true")
      return "TRUE";
    if (op == "and" || op == "or") {
      std::string out;
      for (const auto& part : x.at("args"))
        out += (out.empty() ? "(" : op == "and" ? ") AND (" : ") OR (") + condition(part, own);
      return out + ")";
    }
    if (op == "running_sum")
      return running_sum(x);
    auto field = x.at("field").get<std::string>();
    if (op == "prefix")
      return field + " LIKE " + quoted_text(x.at("value").get<std::string>() + "%");
    if (op == "in") {
      std::string out;
      for (const auto& value : x.at("value"))
        out += (out.empty() ? "" : ", ") + literal(value);
      return field + " IN (" + out + ")";
    }
    if (op == "ref_eq") {
      auto which = x.value("which", x.value("of", std::string{"last"}));
      auto other = x.value("ref_field", field);
      return field + (which == "first" ? " = FIRST(" : " = LAST(")
             + variable(x.at("var").get<std::string>()) + "." + other + ")";
    }
    return field + " " + (op == "==" ? "=" : op) + " " + literal(x.at("value"));
  }

  /// A sum over an earlier variable, or over the stage's own rows with the one in question.
  std::string running_sum(const json& x) const {
    auto sum = "SUM(" + variable(x.at("var").get<std::string>()) + "."
               + x.at("field").get<std::string>() + ")";
    // The sum over no rows is null in SQL, and 0 in the cases.
    return "COALESCE(" + sum + ", 0) " + x.at("cmp").get<std::string>() + " "
           + literal(x.at("value"));
  }

  std::map<std::string, std::string> variables_;
};

/// What comes after a match, in either notation.
std::string after_match(const std::string& skip, const stage_translator& names) {
  auto colon = skip.find(':');
  if (colon != std::string::npos)
    return (skip.rfind("SKIP_TO_FIRST", 0) == 0 ? "skip to first " : "skip to last ")
           + names.variable(skip.substr(colon + 1));
  if (skip == "SKIP_TO_NEXT")
    return "skip to next row";
  return skip == "SKIP_PAST_LAST_EVENT" ? "skip past last row" : "no skip";
}

/// The events of a CEP case as steps; `records` gets the records.
std::vector<step> steps_of(const json& x, std::vector<json>& records) {
  std::vector<step> out;
  auto delay = x.value("watermark", std::string{});
  auto lag = delay.rfind("last_ts-", 0) == 0 ? std::stoll(delay.substr(8)) : -1;
  for (const auto& event : x.at("events")) {
    if (event.contains("watermark")) {
      out.push_back(watermark{event["watermark"].get<int64_t>()});
      continue;
    }
    auto value = event;
    auto at = value["ts"].get<int64_t>();
    value.erase("ts");
    value["event_at"] = at;
    if (!value.contains("key"))
      value["key"] = "k";
    else
      value["key"] =
          value["key"].is_string() ? value["key"].get<std::string>() : value["key"].dump();
    records.push_back(value);
    out.push_back(record{value});
    if (lag >= 0)
      out.push_back(watermark{at - lag});
  }
  return out;
}

std::vector<run> cep_runs(const json& x) {
  run out;
  out.name = x.at("id");
  std::vector<json> records;
  out.steps = steps_of(x, records);
  stage_translator translate;
  translate.name_all(x.at("stages"));
  json view;
  view["stages"] = translate.stages(x.at("stages"));
  view["contiguity"] = "relaxed";
  view["after_match"] = after_match(x.value("skip", "NO_SKIP"), translate);
  if (x.contains("within_ms"))
    view["within"] = std::to_string(x["within_ms"].get<int64_t>()) + "ms";
  out.refused = x.contains("expected_error");
  if (!out.refused)
    view["skip_without_target"] = "ignore";
  // A match is the ids of its rows: as many columns as there are rows.
  view["measures"]["size"] = "COUNT(*)";
  for (size_t i = 0; i < records.size(); ++i)
    view["measures"]["id" + std::to_string(i)] = "FIRST(id, " + std::to_string(i) + ")";
  out.definition = definition_around(records, {"key"}, view);
  for (const auto& match : x.at("expected"))
    out.expected.push_back({{"ids", match}});
  return {out};
}

/// Case "sql-it-over-windowed": the rows are sums over tumbling windows of 3 s.
std::vector<json> windowed(const std::vector<json>& rows) {
  std::vector<json> out;
  for (const auto& row : rows) {
    auto start = row["t"].get<int64_t>() / 3 * 3;
    auto same = std::find_if(out.begin(), out.end(), [&](const auto& x) {
      return x["symbol"] == row["symbol"] && x["startTime"] == start;
    });
    if (same == out.end()) {
      json window = {{"symbol", row["symbol"]}, {"startTime", start}, {"price", 0}};
      same = out.insert(same, std::move(window));
    }
    (*same)["price"] = (*same)["price"].get<int64_t>() + row["price"].get<int64_t>();
  }
  return out;
}

std::vector<json> rows_of(const json& x) {
  std::vector<json> rows{x.at("rows").begin(), x.at("rows").end()};
  if (x.contains("input_note"))
    rows = windowed(rows);
  auto unit = x.value("time_unit", "") == "minutes" ? 60'000 : 1000;
  for (size_t i = 0; i < rows.size(); ++i) {
    rows[i]["event_at"] = x.contains("time_unit") ? rows[i]["t"].get<int64_t>() * unit
                                                  : static_cast<int64_t>(i) * unit;
    if (!x.contains("partition_by"))
      rows[i]["partition"] = "k";
  }
  return rows;
}

std::string within_of(std::string text) {
  text.erase(std::remove(text.begin(), text.end(), ' '), text.end());
  if (text.size() > 3 && text.substr(text.size() - 3) == "min")
    text.erase(text.size() - 2);
  return text;
}

/// How a run differs from the others of its case.
struct variant {
  std::string name;
  const char* expected;
  const char* matching;
  bool within_inclusive;
};

run match_recognize_run(const json& x, const variant& as) {
  run out;
  out.name = x.at("id").get<std::string>() + as.name;
  auto rows = rows_of(x);
  std::vector<std::string> key = {"partition"};
  if (x.contains("partition_by"))
    key = x["partition_by"].get<std::vector<std::string>>();
  for (const auto& row : rows)
    out.steps.push_back(record{row});
  json view;
  view["pattern"] = x.at("pattern");
  view["define"] = x.at("define");
  view["matching"] = as.matching;
  view["after_match"] = x.value("after", "SKIP PAST LAST ROW");
  if (x.contains("within"))
    view["within"] = within_of(x["within"]);
  if (as.within_inclusive)
    view["within_inclusive"] = true;
  view["measures"] = x.value("measures", json::object());
  if (x.contains("partition_by"))
    for (const auto& column : key)
      view["measures"][column] = "LAST(" + column + ")";
  out.refused = x.contains("expected_error");
  if (x.contains(as.expected) && x[as.expected].is_array())
    out.expected = x[as.expected].get<std::vector<json>>();
  out.definition = definition_around(rows, key, view);
  return out;
}

/// A case without measures, but with the variable that takes each row.
run classifier_run(const json& x) {
  auto counted = x;
  std::map<std::string, int> counts;
  for (const auto& variable : x["expected_classifier"])
    if (variable.is_string())
      ++counts[variable.get<std::string>()];
  json expected = json::object();
  for (const auto& [variable, count] : counts) {
    counted["measures"][variable + "_rows"] = "COUNT(" + variable + ".*)";
    expected[variable + "_rows"] = count;
  }
  counted["expected"] = json::array({expected});
  return match_recognize_run(counted, {"", "expected", "standard", false});
}

std::vector<run> match_recognize_runs(const json& x) {
  if (x.contains("expected_classifier"))
    return {classifier_run(x)};
  std::vector<run> out;
  // The page and the code of the source disagree on the end of WITHIN.
  auto inclusive = x.contains("expected_by_code_rule");
  out.push_back(match_recognize_run(
      x, {inclusive ? " (inclusive)" : "", "expected", "possessive", inclusive}));
  if (inclusive)
    out.push_back(
        match_recognize_run(x, {" (exclusive)", "expected_by_code_rule", "possessive", false}));
  if (x.contains("expected_backtracking_engine"))
    out.push_back(match_recognize_run(
        x, {" (backtracking)", "expected_backtracking_engine", "standard", false}));
  return out;
}

} // namespace

std::vector<run> runs_of_pattern_case(const json& x) {
  auto kind = x.at("kind").get<std::string>();
  if (kind == "cep")
    return cep_runs(x);
  if (kind == "match_recognize")
    return match_recognize_runs(x);
  run unknown;
  unknown.name = x.at("id");
  unknown.skipped = "cases of the kind `" + kind + "` are not known";
  return {unknown};
}

json comparable_pattern_row(json row) {
  if (!row.contains("size") || !row.contains("id0"))
    return row;
  json ids = json::array();
  for (int64_t i = 0; i < row["size"].get<int64_t>(); ++i)
    ids.push_back(row["id" + std::to_string(i)]);
  return {{"ids", ids}};
}

} // namespace keyfold::conformance
