#include "window_cases.hpp"

#include "case_fields.hpp"
#include "feathub_views.hpp"

#include <algorithm>
#include <map>

namespace keyfold::conformance {

namespace {

std::string last_part(const std::string& text, char after) {
  auto at = text.rfind(after);
  return at == std::string::npos ? text : text.substr(at + 1);
}

/// Rows as objects; times as milliseconds.
std::vector<json> rows_of(const table& from) {
  std::vector<json> out;
  for (const auto& row : from.rows) {
    auto& made = out.emplace_back(json::object());
    for (size_t i = 0; i < from.columns.size(); ++i)
      made[from.columns[i]] =
          is_time(row.at(i)) ? json(milliseconds_of(row[i].get<std::string>())) : plain(row[i]);
  }
  return out;
}

/// Turns the tests of one file into runs.
class window_file_reader {
public:
  explicit window_file_reader(const json& file) : file_(file) {}

  std::vector<run> read() {
    if (file_.contains("python_tests"))
      for (const auto& [path, tests] : file_["python_tests"].items())
        for (const auto& [name, test] : tests.items())
          attempt(last_part(path, '/') + ":" + name,
                  [&, &test = test, &tests = tests, &name = name](const std::string& label) {
                    python_test(label, name, test, tests);
                  });
    for (const auto& [name, part] : file_.items())
      if (part.is_object() && part.contains("cases"))
        for (const auto& [label, test] : part["cases"].items())
          attempt(name + ":" + label, [&, &part = part, &test = test](const std::string& of) {
            process_function_test(of, part, test);
          });
    return std::move(runs_);
  }

private:
  template <class F>
  void attempt(const std::string& name, F read) {
    try {
      read(name);
    } catch (const unknown_notation& why) {
      runs_.push_back(skipped_run(name, why.what()));
    } catch (const json::exception& why) {
      runs_.push_back(
          skipped_run(name, std::string{"it is not written as expected: "} + why.what()));
    }
  }

  // ---- tests of views

  void python_test(const std::string& label, const std::string& name, const json& test,
                   const json& siblings) {
    // The tables of `test_x` may stand beside the features of `_test_x`.
    if (name.front() == '_' && siblings.contains(name.substr(1)))
      return;
    auto whole = test;
    if (siblings.contains("_" + name))
      for (const auto& [key, value] : siblings["_" + name].items())
        if (!whole.contains(key))
          whole[key] = value;
    check_keys(whole, "the test",
               {"tables", "features", "views", "sources", "columns_expected", "note", "comment"});
    auto before = runs_.size();
    if (whole.contains("views")) {
      if (whole.contains("columns_expected"))
        columns_test(label, whole);
      if (whole.contains("tables"))
        for (const auto& [table_name, expected] : whole["tables"].items())
          if (table_name.rfind("expected", 0) == 0)
            tables_test(label, whole, expected);
    }
    if (runs_.size() == before)
      throw unknown_notation{"it carries no expectation"};
  }

  /// One run, or one for each set of flags that the names of the tables say.
  void tables_test(const std::string& label, const json& test, const json& expected) {
    if (expected.contains("columns"))
      return table_test(label, test, expected, flags_of(test));
    for (const auto& [flags, one] : expected.items())
      table_test(label + ":" + flags, test, one,
                 {flags.rfind("ENABLE_EMPTY_WINDOW_OUTPUT", 0) == 0,
                  flags.find("WITHOUT_SKIP_SAME") == std::string::npos});
  }

  void table_test(const std::string& label, const json& test, const json& expected,
                  window_flags flags) {
    feathub_views views{file_, test};
    views.add_all(flags);
    auto made = views.finish(label);
    made.expected = rows_of(table_of(expected));
    runs_.push_back(std::move(made));
  }

  /// The flags in the properties of the view, or the defaults.
  static window_flags flags_of(const json& test) {
    window_flags out;
    for (const auto& view : test["views"]) {
      if (!view.contains("extra_props") || !view["extra_props"].is_object())
        continue;
      for (const auto& entry : view["extra_props"].at("map")) {
        auto name = entry.at(0).dump();
        if (name.find("ENABLE_EMPTY_WINDOW_OUTPUT") != std::string::npos)
          out.empty_output = entry.at(1).get<bool>();
        if (name.find("SKIP_SAME_WINDOW_OUTPUT") != std::string::npos)
          out.skip_same = entry.at(1).get<bool>();
      }
    }
    return out;
  }

  /// A value for each row put in; where the rows' times come out, they tell them apart.
  void columns_test(const std::string& label, const json& test) {
    feathub_views views{file_, test};
    views.add_all(flags_of(test));
    auto made = views.finish(label);
    const auto& input = views.input();
    auto time = std::find(input.columns.begin(), input.columns.end(), views.input_time());
    auto has_time = std::count(views.columns().begin(), views.columns().end(), *time) != 0;
    for (const auto& row : input.rows) {
      auto& wanted = made.expected.emplace_back(json::object());
      if (has_time)
        wanted[*time] = milliseconds_of(
            row[static_cast<size_t>(time - input.columns.begin())].get<std::string>());
    }
    for (const auto& [column, values] : test["columns_expected"].items()) {
      if (values.size() != made.expected.size())
        throw unknown_notation{"the columns expected have another length than the input"};
      for (size_t i = 0; i < values.size(); ++i)
        made.expected[i][last_part(column, '.')] = plain(values[i]);
    }
    runs_.push_back(std::move(made));
  }

  // ---- tests of a process function

  /// `sum 2000ms`, `avg 1000ms (float)`, `sum 2000 where val in (2,3) limit 1`.
  static json aggregate_of(const std::string& text, size_t number) {
    auto space = text.find(' ');
    if (space == std::string::npos || !std::isdigit(static_cast<unsigned char>(text[space + 1])))
      throw unknown_notation{"the field `" + text + "` is not known"};
    json out{{"name", "f" + std::to_string(number)},
             {"function", text.substr(0, space)},
             {"expression", "val"},
             {"size", std::to_string(std::stoll(text.substr(space + 1))) + "ms"}};
    auto limit = text.find(" limit ");
    if (limit != std::string::npos)
      out["limit"] = std::stoi(text.substr(limit + 7));
    auto where = text.find(" where ");
    if (where != std::string::npos)
      out["where"] = text.substr(where + 7, limit == std::string::npos ? limit : limit - where - 7);
    return out;
  }

  void process_function_test(const std::string& label, const json& part, const json& test) {
    check_keys(part, "the part", {"path", "input", "cases", "note"});
    check_keys(
        test, "the case",
        {"input", "fields", "expected", "empty_window_output", "skip_same_window_output", "note"});
    auto from = part.value("input", json::object());
    if (test.contains("input"))
      from.update(test["input"]);
    check_keys(from, "the input",
               {"columns", "rows_in_arrival_order", "watermark_delay_ms", "key", "step_ms",
                "skip_same_window_output", "note"});
    auto input = table_of(from, "rows_in_arrival_order");
    auto key = from.at("key").get<std::string>();
    run made;
    made.name = label;
    made.view = "view";
    json view{{"name", "view"},
              {"type", "sliding_window"},
              {"entity", "key"},
              {"stream", "input"},
              {"step", std::to_string(from.at("step_ms").get<int64_t>()) + "ms"},
              {"enable_empty_window_output", test.value("empty_window_output", true)},
              {"skip_same_window_output",
               test.value("skip_same_window_output", from.value("skip_same_window_output", true))}};
    table expected{{key}, test.at("expected").get<std::vector<json>>()};
    for (const auto& field : test.at("fields")) {
      view["aggregates"].push_back(aggregate_of(field, expected.columns.size() - 1));
      expected.columns.push_back("f" + std::to_string(expected.columns.size() - 1));
    }
    expected.columns.push_back("window_time");
    made.expected = rows_of(expected);
    auto records = rows_of(input);
    auto fields = fields_of(records);
    fit(records, fields);
    auto time = input.columns.back();
    fields[time] = {{"type", "timestamp"}, {"unit", "ms"}};
    for (auto& x : records)
      made.steps.push_back(record{"input", std::move(x)});
    auto delay = std::to_string(from.at("watermark_delay_ms").get<int64_t>()) + "ms";
    made.definition = {{"application", "conformance"},
                       {"streams", json::array({{{"name", "input"},
                                                 {"source", {{"type", "http_push"}}},
                                                 {"fields", fields},
                                                 {"event_time", time},
                                                 {"max_delay", delay}}})},
                       {"entities", json::array({{{"name", "key"}, {"key", json::array({key})}}})},
                       {"views", json::array({view})}};
    runs_.push_back(std::move(made));
  }

  const json& file_;
  std::vector<run> runs_;
};

} // namespace

std::vector<run> runs_of_window_cases(const json& file) {
  return window_file_reader{file}.read();
}

} // namespace keyfold::conformance
