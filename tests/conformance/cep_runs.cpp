#include "case_fields.hpp"
#include "pattern_runs.hpp"

#include <algorithm>
#include <map>

namespace keyfold::conformance {

namespace {

/// The stages of a case as those of a definition. Names may have any characters there: each gets a
/// variable of ours.
class stage_translator {
public:
  explicit stage_translator(const json& stages) { name_all(stages); }

  json stages(const json& from) const {
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

private:
  static const json* group_of(const json& x) {
    for (const auto* key : {"group", "stages"})
      if (x.contains(key))
        return &x[key];
    return nullptr;
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

  json stage(const json& x) const {
    check_keys(x, "a stage",
               {"name", "when", "link", "min", "max", "loop", "optional", "greedy", "reluctant",
                "until", "negative", "group", "stages", "note"});
    json out;
    if (const auto* inner = group_of(x)) {
      out["stages"] = stages(*inner);
    } else {
      auto name = x.at("name").get<std::string>();
      out["variable"] = variable(name);
      if (x.contains("when") && x["when"].value("op", "") != "true")
        out["where"] = condition(x["when"], name);
    }
    link(x, out);
    repetition(x, out);
    return out;
  }

  static void link(const json& x, json& out) {
    static const std::map<std::string, std::string> links = {{"begin", ""},
                                                             {"next", "next"},
                                                             {"followedBy", "followed_by"},
                                                             {"followedByAny", "followed_by_any"},
                                                             {"notNext", "not_next"},
                                                             {"notFollowedBy", "not_followed_by"}};
    auto written = x.value("link", "begin");
    auto known = links.find(written);
    if (known == links.end())
      throw unknown_notation{"the link `" + written + "` is not known"};
    auto name = known->second;
    if (x.value("negative", false) && name.rfind("not_", 0) != 0)
      name = name == "next" ? "not_next" : "not_followed_by";
    if (!name.empty())
      out["link"] = name;
  }

  void repetition(const json& x, json& out) const {
    auto least = x.value("min", 1);
    auto bounded = !x.contains("max") || !x["max"].is_null();
    auto most = !bounded ? 0 : x.contains("max") ? x["max"].get<int>() : std::max(least, 1);
    if (!bounded || least != 1 || most != 1)
      out["times"] =
          "{" + std::to_string(least) + "," + (bounded ? std::to_string(most) : "") + "}";
    for (const auto* flag : {"optional", "greedy", "reluctant"})
      if (x.value(flag, false))
        out[flag] = true;
    if (x.contains("loop") && out.contains("times"))
      out["loop"] = x["loop"];
    if (x.contains("until"))
      out["until"] = condition(x["until"], x.value("name", ""));
  }

  std::string condition(const json& x, const std::string& own) const {
    auto op = x.at("op").get<std::string>();
    if (op == "true" || op == "false")
      return op == "true" ? "TRUE" : "FALSE";
    if (op == "and" || op == "or")
      return joined(x, own, op == "and" ? " AND " : " OR ");
    if (op == "not")
      return "NOT (" + condition(x.contains("arg") ? x["arg"] : x.at("args").at(0), own) + ")";
    if (op == "running_sum")
      return running_sum(x, own);
    if (op == "ref_eq")
      return equal_to_earlier(x);
    check_keys(x, "a condition", {"op", "field", "value"});
    auto field = x.at("field").get<std::string>();
    const auto& value = x.at("value");
    if (op == "prefix")
      return "STARTS_WITH(" + field + ", " + sql_literal(value) + ")";
    if (op == "in")
      return field + " IN (" + list(value) + ")";
    static const std::map<std::string, std::string> comparisons = {
        {"==", "="}, {"=", "="}, {"!=", "<>"}, {"<>", "<>"},
        {">", ">"},  {"<", "<"}, {">=", ">="}, {"<=", "<="}};
    auto known = comparisons.find(op);
    if (known == comparisons.end())
      throw unknown_notation{"conditions with the op `" + op + "` are not known"};
    if (value.is_null())
      return field + (known->second == "=" ? " IS NULL" : " IS NOT NULL");
    return field + " " + known->second + " " + sql_literal(value);
  }

  std::string joined(const json& x, const std::string& own, const char* by) const {
    std::string out;
    for (const auto& part : x.at("args"))
      out += (out.empty() ? "(" : by + std::string{"("}) + condition(part, own) + ")";
    return out;
  }

  static std::string list(const json& values) {
    std::string out;
    for (const auto& value : values)
      out += (out.empty() ? "" : ", ") + sql_literal(value);
    return out;
  }

  /// The first of these members that there is.
  static std::string one_of(const json& x, std::initializer_list<const char*> keys,
                            const std::string& otherwise) {
    for (const auto* key : keys)
      if (x.contains(key))
        return x[key].get<std::string>();
    if (otherwise.empty())
      throw unknown_notation{"a condition `" + x.value("op", "") + "` without `" + *keys.begin()
                             + "`"};
    return otherwise;
  }

  std::string equal_to_earlier(const json& x) const {
    check_keys(x, "a condition",
               {"op", "field", "var", "variable", "stage", "of", "which", "position", "event",
                "ref_field", "var_field", "other_field"});
    auto field = x.at("field").get<std::string>();
    auto which = one_of(x, {"which", "position", "event"}, "last");
    auto of = x.value("of", "");
    if (of == "first" || of == "last")
      which = of;
    auto stage = one_of(x, {"var", "variable", "stage", "of"}, "");
    auto other = one_of(x, {"ref_field", "var_field", "other_field"}, field);
    return field + (which == "first" ? " = FIRST(" : " = LAST(") + variable(stage) + "." + other
           + ")";
  }

  /// A sum over the rows of a variable so far, with or without the row in question.
  std::string running_sum(const json& x, const std::string& own) const {
    check_keys(x, "a condition", {"op", "var", "include_current", "field", "cmp", "value"});
    auto name = x.at("var").get<std::string>();
    auto field = x.at("field").get<std::string>();
    // The sum over no rows is null in SQL, and 0 in the cases.
    auto sum = "COALESCE(SUM(" + variable(name) + "." + field + "), 0)";
    auto has_current = name == own;
    auto wants_current = x.value("include_current", has_current);
    if (has_current != wants_current)
      sum += (wants_current ? " + " : " - ") + field;
    auto cmp = x.at("cmp").get<std::string>();
    return sum + " " + (cmp == "==" ? "=" : cmp) + " " + sql_literal(x.at("value"));
  }

  std::map<std::string, std::string> variables_;
};

std::string after_match(const std::string& skip, const stage_translator& names) {
  auto colon = skip.find(':');
  if (colon != std::string::npos) {
    auto to = skip.substr(0, colon);
    if (to == "SKIP_TO_FIRST" || to == "SKIP_TO_LAST")
      return (to == "SKIP_TO_FIRST" ? "skip to first " : "skip to last ")
             + names.variable(skip.substr(colon + 1));
  }
  static const std::map<std::string, std::string> known = {
      {"NO_SKIP", "no skip"},
      {"SKIP_TO_NEXT", "skip to next row"},
      {"SKIP_PAST_LAST_EVENT", "skip past last row"}};
  auto found = known.find(skip);
  if (found == known.end())
    throw unknown_notation{"the strategy `" + skip + "` is not known"};
  return found->second;
}

/// The events of a case, without the watermarks among them.
/// @param partition the field that says which key an event is of
std::vector<json> records_of(const json& events, const std::string& partition) {
  std::vector<json> out;
  for (const auto& event : events) {
    if (event.contains("watermark"))
      continue;
    auto value = event;
    value.erase("ts");
    value["event_at"] = event.value("ts", static_cast<int64_t>(out.size()) + 1);
    auto key = event.value(partition, json("k"));
    value[partition] = key.is_string() ? key : json(key.dump());
    out.push_back(std::move(value));
  }
  return out;
}

void add_steps(const json& x, const std::vector<json>& records, run& to) {
  auto delay = x.value("watermark", std::string{});
  auto lag = delay.rfind("last_ts-", 0) == 0 ? std::stoll(delay.substr(8)) : -1;
  if (!delay.empty() && lag < 0)
    throw unknown_notation{"the watermark `" + delay + "` is not known"};
  to.explicit_time = lag >= 0;
  auto next = records.begin();
  for (const auto& event : x.at("events")) {
    if (event.contains("watermark")) {
      to.explicit_time = true;
      to.steps.push_back(watermark{event["watermark"].get<int64_t>()});
      continue;
    }
    auto at = (*next)["event_at"].get<int64_t>();
    to.steps.push_back(record{"events", *next++});
    if (lag >= 0)
      to.steps.push_back(watermark{at - lag});
  }
  // Without a word on watermarks, nothing is to be late.
  if (x.value("arrival_order_is_list_order", false))
    to.explicit_time = true;
}

} // namespace

std::vector<run> cep_runs(const json& x) {
  check_keys(x, "the case",
             {"id", "kind", "source", "checked", "note", "derived", "comment", "pattern_text",
              "stages", "skip", "events", "within_ms", "expected", "expected_timeouts",
              "expected_error", "partition_by", "arrival_order_is_list_order", "watermark"});
  run out;
  out.name = x.at("id");
  out.stream = "found";
  out.refused = x.contains("expected_error");
  auto partition = x.value("partition_by", "key");
  auto records = records_of(x.at("events"), partition);
  auto fields = fields_of(records);
  fit(records, fields);
  add_steps(x, records, out);
  out.timeouts = x.value("expected_timeouts", json::array()).size();
  stage_translator translate{x.at("stages")};
  json view;
  view["stages"] = translate.stages(x.at("stages"));
  view["contiguity"] = "relaxed";
  view["after_match"] = after_match(x.value("skip", "NO_SKIP"), translate);
  if (x.contains("within_ms"))
    view["within"] = std::to_string(x["within_ms"].get<int64_t>()) + "ms";
  if (!out.refused)
    view["skip_without_target"] = "ignore";
  // A match is the ids of its rows: as many columns as there are rows.
  view["measures"]["size"] = "COUNT(*)";
  for (size_t i = 0; i < records.size(); ++i)
    view["measures"]["id" + std::to_string(i)] = "FIRST(id, " + std::to_string(i) + ")";
  out.definition = pattern_definition(records, {partition}, view);
  for (const auto& match : out.refused ? json::array() : x.at("expected")) {
    json row{{"size", match.size()}};
    for (size_t i = 0; i < records.size(); ++i)
      row["id" + std::to_string(i)] = i < match.size() ? match[i] : json{};
    out.expected.push_back(std::move(row));
  }
  return {out};
}

} // namespace keyfold::conformance
