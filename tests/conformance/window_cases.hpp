#pragma once

#include "features/timestamp_format.hpp"

#include <nlohmann/json.hpp>

#include <map>
#include <optional>
#include <string>
#include <vector>

/// The cases of a file in the notation of windows.json, each as a definition of ours, rows to put
/// in and rows to come out. Nothing here runs them: that is for whoever has the views, alone or in
/// a running keyfold.
namespace keyfold::conformance {

using json = nlohmann::ordered_json;

struct window_case {
  std::string name;
  std::string skipped; ///< why it cannot be run; empty when it can
  json definition;     ///< a stream `input`, of JSON objects, perhaps one `other`; the view `case`
  std::vector<json> rows;           ///< in the order of arrival; times are epoch milliseconds
  std::vector<json> other_rows;     ///< of the stream `other`
  std::vector<std::string> columns; ///< of what is expected
  std::vector<json> expected;       ///< arrays; times are epoch milliseconds
};

inline int64_t milliseconds_of(const std::string& text) {
  for (const auto* pattern : {"%Y-%m-%d %H:%M:%S", "%Y-%m-%d,%H:%M:%S"})
    if (auto at = read_timestamp(text.substr(0, 19), timestamp_unit::pattern, pattern))
      return at->time_since_epoch().count() / 1000
             + (text.size() > 20 ? std::stoll(text.substr(20)) : 0);
  throw std::runtime_error{"no time: " + text};
}

inline std::string duration_text(const json& length) {
  return std::to_string(length.at("ms").get<int64_t>()) + "ms";
}

/// A value as the notation writes it, as it is.
inline json plain(const json& x) {
  if (!x.is_object())
    return x;
  if (x.contains("to_epoch_millis"))
    return milliseconds_of(x["to_epoch_millis"].get<std::string>());
  if (x.contains("map")) {
    json out = json::object();
    for (const auto& entry : x["map"])
      out[entry[0].is_string() ? entry[0].get<std::string>() : entry[0].dump()] = entry[1];
    return out;
  }
  return x;
}

/// Turns the tests of one file into cases.
class window_case_reader {
public:
  explicit window_case_reader(const json& file) : file_(file) {}

  std::vector<window_case> read() {
    if (file_.contains("python_tests"))
      for (const auto& [path, tests] : file_["python_tests"].items())
        for (const auto& [name, test] : tests.items())
          python_test(path.substr(path.rfind('/') + 1) + ":" + name, test, tests);
    for (const auto& [name, part] : file_.items())
      if (part.is_object() && part.contains("cases"))
        for (const auto& [test, x] : part["cases"].items())
          process_function_test(name + ":" + test, part, x);
    return std::move(cases_);
  }

private:
  struct table {
    std::vector<std::string> columns;
    json rows;
  };

  // ---- definitions

  static json stream_of(const table& input, const std::string& time, const json& derived,
                        const std::string& max_delay) {
    json fields = json::object();
    for (size_t i = 0; i < input.columns.size(); ++i) {
      const auto& value = input.rows[0][i];
      fields[input.columns[i]] = input.columns[i] == time
                                     ? json{{"type", "timestamp"}, {"unit", "ms"}}
                                 : value.is_string()       ? json("string")
                                 : value.is_number_float() ? json("double")
                                                           : json("int64");
    }
    json out{{"name", "input"},
             {"source", {{"type", "file"}, {"path", "input.jsonl"}}},
             {"fields", fields},
             {"event_time", time},
             {"max_delay", max_delay}};
    if (!derived.empty())
      out["derived"] = derived;
    return out;
  }

  static json definition_of(json stream, const std::string& key, json view) {
    if (key.empty())
      stream["derived"]["everyone"] = "'all'";
    view["name"] = "case";
    view["entity"] = "key";
    view["stream"] = "input";
    return {{"application", "conformance"},
            {"streams", json::array({stream})},
            {"entities", json::array({{{"name", "key"},
                                       {"key", json::array({key.empty() ? "everyone" : key})}}})},
            {"views", json::array({view})}};
  }

  static std::vector<json> rows_of(const table& input, const std::string& time) {
    std::vector<json> out;
    for (const auto& row : input.rows) {
      json made = json::object();
      for (size_t i = 0; i < input.columns.size(); ++i)
        made[input.columns[i]] = input.columns[i] == time && row[i].is_string()
                                     ? json(milliseconds_of(row[i].get<std::string>()))
                                     : row[i];
      out.push_back(std::move(made));
    }
    return out;
  }

  /// `transform` as an aggregate of ours.
  static json aggregate_of(const std::string& name, const json& transform, bool sliding) {
    std::string function;
    for (auto c : transform.at("agg_func").get<std::string>())
      function += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    json out{{"name", name}, {"function", function}, {"expression", transform.at("expr")}};
    if (transform.contains("window_size"))
      out["size"] = duration_text(transform["window_size"]);
    if (transform.contains("filter_expr"))
      out["where"] = transform["filter_expr"];
    if (transform.contains("limit"))
      out["limit"] = transform["limit"];
    if (sliding && !out.contains("size"))
      out["size"] = "0s";
    return out;
  }

  // ---- python tests

  table input_of(const json& test) const {
    auto made = [](const json& x) { return table{x["columns"], x["rows"]}; };
    if (test.contains("tables") && test["tables"].contains("df"))
      return made(test["tables"]["df"]);
    return made(file_["base_input"]);
  }

  static std::optional<json> find_feature(const json& test, const json& feature) {
    if (feature.is_object() && feature.contains("_type"))
      return feature;
    if (feature.is_object() && feature.contains("ref") && test.contains("features"))
      return test["features"].at(feature["ref"].get<std::string>());
    return std::nullopt;
  }

  void skip(const std::string& name, std::string reason) {
    cases_.push_back({name, std::move(reason), {}, {}, {}, {}, {}});
  }

  void python_test(const std::string& name, const json& test, const json& siblings) {
    auto has_views = test.contains("views");
    // The tables of `test_x` may stand beside the features of `_test_x`.
    if (has_views && name.find(":_") != std::string::npos)
      return;
    auto beside = "_" + name.substr(name.find(':') + 1);
    auto whole = test;
    if (!has_views && siblings.contains(beside)) {
      whole["features"] = siblings[beside]["features"];
      whole["views"] = siblings[beside]["views"];
      has_views = true;
    }
    if (!has_views || (!whole.contains("tables") && !whole.contains("columns_expected")))
      return skip(name, "it carries no expectation");
    const auto& views = whole["views"];
    if (views.size() > 1)
      return join_test(name, whole, views);
    const auto& view = views[0];
    if (view["view"] == "SlidingFeatureView")
      sliding_test(name, whole, view);
    else
      derived_test(name, whole, view);
  }

  /// One case for each expected table: their names say how the flags are set.
  void sliding_test(const std::string& name, const json& test, const json& view) {
    const auto& tables = test["tables"];
    if (tables.contains("expected_results"))
      for (const auto& [flags, expected] : tables["expected_results"].items())
        sliding_case(name + ":" + flags, test, view, expected,
                     flags.rfind("ENABLE_EMPTY_WINDOW_OUTPUT", 0) == 0,
                     flags.find("WITHOUT_SKIP_SAME") == std::string::npos);
    for (const auto* one : {"expected_result", "expected_result_df"})
      if (tables.contains(one))
        sliding_case(name, test, view, tables[one], true, true);
  }

  void sliding_case(const std::string& name, const json& test, const json& view,
                    const json& expected, bool empty, bool skip_same) {
    json aggregates = json::array();
    json made{{"type", "sliding_window"}};
    std::string key;
    json derived = json::object();
    for (const auto& x : view["features"]) {
      auto feature = *find_feature(test, x);
      const auto& transform = feature["transform"];
      aggregates.push_back(aggregate_of(feature["name"], transform, true));
      made["step"] = duration_text(transform["step_size"]);
      if (transform.contains("group_by_keys"))
        key = transform["group_by_keys"][0];
      // The view before this one computed it as a copy of `cost`.
      if (transform["expr"] == "cost2")
        derived["cost2"] = "cost";
    }
    made["enable_empty_window_output"] = empty;
    made["skip_same_window_output"] = skip_same;
    made["aggregates"] = aggregates;
    if (view.contains("filter_expr"))
      made["having"] = view["filter_expr"];
    auto input = input_of(test);
    // The only row out of order is a day behind, and expected not to be late.
    auto stream = stream_of(input, "time", derived, "2d");
    cases_.push_back({name,
                      "",
                      definition_of(stream, key, made),
                      rows_of(input, "time"),
                      {},
                      expected["columns"],
                      plain_rows(expected["rows"], {})});
  }

  static std::vector<json> plain_rows(const json& rows, const std::optional<size_t>& time) {
    std::vector<json> out;
    for (const auto& row : rows) {
      json made = json::array();
      for (size_t i = 0; i < row.size(); ++i)
        made.push_back(i == time ? json(milliseconds_of(row[i].get<std::string>()))
                                 : plain(row[i]));
      out.push_back(std::move(made));
    }
    return out;
  }

  void derived_test(const std::string& name, const json& test, const json& view) {
    json made{{"type", "over_window"}};
    json aggregates = json::array();
    json derived = json::object();
    std::string key;
    for (const auto& x : view["features"]) {
      auto feature = find_feature(test, x);
      if (!feature)
        continue;
      const auto& transform = (*feature)["transform"];
      if (transform.is_string()) {
        derived[(*feature)["name"].get<std::string>()] = transform;
      } else if (transform["_type"] == "OverWindowTransform") {
        aggregates.push_back(aggregate_of((*feature)["name"], transform, false));
        if (transform.contains("group_by_keys"))
          key = transform["group_by_keys"][0];
      } else if ((*feature)["name"] == "name_without_alex") {
        // The function's body is not in the file; its name, `alex_to_null`, is.
        derived["name_without_alex"] = "CASE WHEN name = 'Alex' THEN NULL ELSE name END";
      } else {
        return skip(name, "a Python function whose body is not in the file");
      }
    }
    auto input = input_of(test);
    if (!aggregates.empty())
      made["aggregates"] = aggregates;
    if (view.contains("filter_expr"))
      made["where"] = view["filter_expr"];
    window_case out{name, "", {}, rows_of(input, "time"), {}, {}, {}};
    if (test.contains("columns_expected"))
      expect_columns(test["columns_expected"], out);
    else
      expect_table(test["tables"]["expected_result_df"], made, out);
    out.definition = definition_of(stream_of(input, "time", derived, "0s"), key, made);
    cases_.push_back(std::move(out));
  }

  /// The rows put in, joined with the version of another table that was valid at their time, then
  /// an expression over both.
  void join_test(const std::string& name, const json& test, const json& views) {
    const auto& from = test["tables"]["df_2"];
    table versions{from["columns"], from["rows"]};
    auto input = input_of(test);
    auto other = stream_of(versions, "time", json::object(), "0s");
    other["name"] = "other";
    const auto& last = views.back()["features"][0];
    json joined{{"name", "joined"},
                {"type", "as_of"},
                {"entity", "key"},
                {"values", "other"},
                {"value_columns", json::array({"avg_cost"})},
                {"rows", "input"},
                {"row_columns", json::array({"name", "distance"})},
                {"emits",
                 {{"name", "joined_rows"},
                  {"derived", {{last["name"].get<std::string>(), last["transform"]}}}}}};
    json view{{"type", "over_window"}, {"keep", json::array({"avg_cost", last["name"]})}};
    window_case out{name, "", {}, rows_of(input, "time"), rows_of(versions, "time"), {}, {}};
    out.definition = definition_of(stream_of(input, "time", json::object(), "0s"), "name", view);
    out.definition["views"][0]["stream"] = "joined_rows";
    out.definition["views"].insert(out.definition["views"].begin(), joined);
    out.definition["streams"].push_back(other);
    expect_columns(test["columns_expected"], out);
    cases_.push_back(std::move(out));
  }

  /// A value for each row put in; the rows' times tell them apart.
  static void expect_columns(const json& columns, window_case& to) {
    to.columns = {"row_time"};
    for (const auto& row : to.rows)
      to.expected.push_back(json::array({row["time"]}));
    for (const auto& [column, values] : columns.items()) {
      to.columns.push_back(column.substr(column.rfind('.') + 1));
      for (size_t i = 0; i < values.size(); ++i)
        to.expected[i].push_back(values[i]);
    }
  }

  static void expect_table(const json& table, json& view, window_case& to) {
    to.columns = table["columns"].get<std::vector<std::string>>();
    view["keep"] = to.columns;
    auto time = std::find(to.columns.begin(), to.columns.end(), "time") - to.columns.begin();
    to.expected = plain_rows(table["rows"], static_cast<size_t>(time));
  }

  // ---- the process function's tests

  /// `sum 2000ms`, `avg 1000ms (float)`, `sum 2000 where val in (2,3) limit 1`.
  static json field_of(const std::string& text, size_t number) {
    auto space = text.find(' ');
    auto length = std::stoll(text.substr(space + 1));
    json out{{"name", "f" + std::to_string(number)},
             {"function", text.substr(0, space)},
             {"expression", "val"},
             {"size", std::to_string(length) + "ms"}};
    auto limit = text.find(" limit ");
    if (limit != std::string::npos)
      out["limit"] = std::stoi(text.substr(limit + 7));
    auto where = text.find(" where ");
    if (where != std::string::npos)
      out["where"] = text.substr(where + 7, limit == std::string::npos ? limit : limit - where - 7);
    return out;
  }

  void process_function_test(const std::string& name, const json& part, const json& test) {
    const auto& from = part["input"];
    table input{from["columns"], from["rows_in_arrival_order"]};
    std::string key = from["key"];
    json view{{"type", "sliding_window"},
              {"step", std::to_string(from["step_ms"].get<int64_t>()) + "ms"},
              {"enable_empty_window_output", test["empty_window_output"]},
              {"skip_same_window_output", from["skip_same_window_output"]},
              {"aggregates", json::array()}};
    window_case out{name, "", {}, rows_of(input, "ts_ms"), {}, {key}, {}};
    for (size_t i = 0; i < test["fields"].size(); ++i) {
      view["aggregates"].push_back(field_of(test["fields"][i], i));
      out.columns.push_back("f" + std::to_string(i));
    }
    out.columns.push_back("window_time");
    auto delay = std::to_string(from["watermark_delay_ms"].get<int64_t>()) + "ms";
    out.definition = definition_of(stream_of(input, "ts_ms", json::object(), delay), key, view);
    out.expected = plain_rows(test["expected"], {});
    cases_.push_back(std::move(out));
  }

  const json& file_;
  std::vector<window_case> cases_;
};

inline std::vector<window_case> read_window_cases(const json& file) {
  return window_case_reader{file}.read();
}

} // namespace keyfold::conformance
