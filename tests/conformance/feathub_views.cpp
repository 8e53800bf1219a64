#include "feathub_views.hpp"

#include "case_fields.hpp"

#include <algorithm>
#include <regex>

namespace keyfold::conformance {

namespace {

using names = std::vector<std::string>;

/// The key's column where nothing is grouped by.
constexpr auto everyone = "everyone";

names keys_of(const json& transform) {
  return transform.contains("group_by_keys") ? transform["group_by_keys"].get<names>() : names{};
}

/// `transform` as an aggregate of ours.
json aggregate_of(const json& feature, bool sliding) {
  const auto& transform = feature.at("transform");
  check_keys(transform, "a transform",
             {"_type", "expr", "agg_func", "group_by_keys", "window_size", "step_size",
              "filter_expr", "limit"});
  auto function = transform.at("agg_func").get<std::string>();
  std::transform(function.begin(), function.end(), function.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  json out{
      {"name", feature.at("name")}, {"function", function}, {"expression", transform.at("expr")}};
  auto present = [&](const char* key) {
    return transform.contains(key) && !transform[key].is_null();
  };
  if (present("window_size"))
    out["size"] = duration_text(transform["window_size"]);
  else if (sliding)
    out["size"] = "0s";
  if (present("filter_expr"))
    out["where"] = transform["filter_expr"];
  if (present("limit"))
    out["limit"] = transform["limit"];
  return out;
}

/// The names in an expression, texts aside.
names words_of(const std::string& expression) {
  static const std::regex word{R"('[^']*'|[A-Za-z_]\w*)"};
  names out;
  for (std::sregex_iterator at{expression.begin(), expression.end(), word}, end; at != end; ++at)
    if (at->str()[0] != '\'')
      out.push_back(at->str());
  return out;
}

std::string type_of_transform(const json& transform) {
  return transform.is_string() ? "ExpressionTransform" : transform.at("_type").get<std::string>();
}

} // namespace

bool feathub_views::node::has(const std::string& column) const {
  return std::find(columns.begin(), columns.end(), column) != columns.end();
}

feathub_views::feathub_views(const json& file, const json& test)
    : file_(file), test_(test), definition_{{"application", "conformance"},
                                            {"streams", json::array()},
                                            {"entities", json::array()},
                                            {"views", json::array()}} {}

void feathub_views::add_all(window_flags flags) {
  for (const auto& view : test_.at("views")) {
    check_keys(
        view, "a view",
        {"view", "name", "source", "features", "keep_source_fields", "filter_expr", "extra_props"});
    auto kind = view.at("view").get<std::string>();
    if (kind == "SlidingFeatureView")
      add_sliding(view, flags);
    else if (kind == "DerivedFeatureView")
      add_derived(view);
    else
      throw unknown_notation{"views of the kind `" + kind + "` are not known"};
    named_[view.value("name", "")] = last_;
  }
  // Derived columns alone are a stream's; a view publishes them.
  if (!last_.of_view) {
    std::vector<json> none;
    add_over(last_, none);
  }
}

run feathub_views::finish(std::string name) {
  run out;
  out.name = std::move(name);
  if (definition_["views"][last_.place].contains("emits"))
    out.stream = last_.stream;
  else
    out.view = definition_["views"][last_.place]["name"];
  out.definition = definition_;
  out.steps = steps_;
  return out;
}

// ---- tables

table feathub_views::find_table(const std::string& source) const {
  auto name = source;
  if (test_.contains("sources") && test_["sources"].contains(source))
    name = test_["sources"][source].at("table").at("ref").get<std::string>();
  if (test_.contains("tables") && test_["tables"].contains(name))
    return table_of(test_["tables"][name]);
  if (file_.contains(name))
    return table_of(file_[name]);
  auto millis = name.find("millis") != std::string::npos;
  return table_of(file_.at(millis ? "base_input_millis" : "base_input"));
}

feathub_views::node feathub_views::open_table(const std::string& name) {
  auto from = find_table(name);
  auto source =
      test_.contains("sources") ? test_["sources"].value(name, json::object()) : json::object();
  std::string time;
  for (size_t i = 0; i < from.columns.size() && time.empty() && !from.rows.empty(); ++i)
    if (is_time(from.rows[0][i]) || from.columns[i] == source.value("timestamp_field", "time"))
      time = from.columns[i];
  if (time.empty())
    throw unknown_notation{"a table without a column of times"};
  std::vector<json> records;
  int64_t newest = 0;
  int64_t delay = 0;
  for (const auto& row : from.rows) {
    auto& made = records.emplace_back(json::object());
    for (size_t i = 0; i < from.columns.size(); ++i)
      made[from.columns[i]] = plain(row.at(i));
    auto& at = made[time];
    if (at.is_string())
      at = milliseconds_of(at.get<std::string>());
    else if (source.value("timestamp_format", "") == "epoch")
      at = at.get<int64_t>() * 1000;
    newest = std::max(newest, at.get<int64_t>());
    delay = std::max(delay, newest - at.get<int64_t>());
  }
  auto fields = fields_of(records);
  fields[time] = {{"type", "timestamp"}, {"unit", "ms"}};
  fit(records, fields);
  node out;
  out.place = definition_["streams"].size();
  out.stream = "input_" + std::to_string(out.place);
  out.columns = from.columns;
  if (source.contains("keys"))
    out.keys = source["keys"].get<names>();
  // No row of these tests is late: what is behind is waited for.
  definition_["streams"].push_back({{"name", out.stream},
                                    {"source", {{"type", "http_push"}}},
                                    {"fields", fields},
                                    {"event_time", time},
                                    {"max_delay", std::to_string(delay) + "ms"}});
  std::vector<step> steps;
  for (auto& made : records)
    steps.push_back(record{out.stream, std::move(made)});
  // Versions come before the rows that they are joined with.
  steps_.insert(steps_.begin(), steps.begin(), steps.end());
  if (!input_) {
    input_ = from;
    input_time_ = time;
  }
  return out;
}

const feathub_views::node& feathub_views::open(const std::string& name) {
  ++opened_[name];
  auto known = named_.find(name);
  if (known == named_.end())
    known = named_.emplace(name, open_table(name)).first;
  return known->second;
}

// ---- parts of the definition

json& feathub_views::declaration(node& x) {
  if (!x.of_view)
    return definition_["streams"][x.place];
  auto& emits = definition_["views"][x.place]["emits"];
  if (emits.is_null())
    emits = {{"name", x.stream}};
  return emits;
}

void feathub_views::derive(node& x, const std::string& column, const std::string& expression) {
  if (expression == column && x.has(column))
    return;
  if (x.has(column))
    throw unknown_notation{"the column `" + column + "` is made anew"};
  declaration(x)["derived"][column] = expression;
  x.columns.push_back(column);
}

void feathub_views::filter(node& x, const std::string& condition) {
  for (const auto& [name, known] : named_)
    if (known.stream == x.stream && opened_[name] > 1)
      throw unknown_notation{"a filter on what several views read"};
  auto& at = declaration(x)["where"];
  at = at.is_null() ? condition : "(" + at.get<std::string>() + ") AND (" + condition + ")";
}

std::string feathub_views::entity_of(node& over, const names& keys) {
  auto key = keys;
  if (key.empty()) {
    if (!over.has(everyone))
      derive(over, everyone, "'all'");
    key = {everyone};
  }
  std::string name = "by";
  for (const auto& x : key)
    name += "_" + x;
  auto& all = definition_["entities"];
  if (std::none_of(all.begin(), all.end(), [&](const auto& x) { return x["name"] == name; }))
    all.push_back({{"name", name}, {"key", key}});
  return name;
}

feathub_views::node feathub_views::add_view(json view, names columns, names keys) {
  node out;
  out.of_view = true;
  out.place = definition_["views"].size();
  out.stream = "rows_" + std::to_string(out.place);
  out.columns = std::move(columns);
  out.keys = std::move(keys);
  json made{{"name", "view_" + std::to_string(out.place)}};
  made.update(view);
  definition_["views"].push_back(std::move(made));
  return out;
}

// ---- views

json feathub_views::feature_of(const json& written) const {
  auto feature = written;
  if (written.is_object() && written.contains("ref"))
    feature = test_.at("features").at(written["ref"].get<std::string>());
  if (feature.is_object())
    check_keys(feature, "a feature",
               {"_type", "name", "dtype", "transform", "keys", "description"});
  return feature;
}

void feathub_views::add_derived(const json& view) {
  auto name = view.at("source").at("ref").get<std::string>();
  auto made = open(name);
  std::vector<json> over;
  for (const auto& written : view.at("features"))
    add_feature(feature_of(written), made, over);
  if (!over.empty())
    add_over(made, over);
  if (view.contains("filter_expr"))
    filter(made, view["filter_expr"]);
  last_ = made;
}

/// @param over aggregates over the same key that wait to become one view
void feathub_views::add_feature(const json& feature, node& to, std::vector<json>& over) {
  auto type = feature.is_string() ? "" : type_of_transform(feature.at("transform"));
  if (!over.empty()
      && (type != "OverWindowTransform"
          || keys_of(feature["transform"]) != keys_of(over.front()["transform"])))
    add_over(to, over);
  if (feature.is_string()) {
    auto text = feature.get<std::string>();
    auto point = text.find('.');
    if (point != std::string::npos)
      join(to, text.substr(0, point), json::array({text.substr(point + 1)}));
    else if (!to.has(text))
      throw unknown_notation{"the feature `" + text + "` is nowhere"};
    return;
  }
  auto name = feature.at("name").get<std::string>();
  const auto& transform = feature["transform"];
  if (type == "OverWindowTransform")
    over.push_back(feature);
  else if (type == "ExpressionTransform")
    derive(to, name,
           transform.is_string() ? transform.get<std::string>()
                                 : transform.at("expr").get<std::string>());
  else if (type == "JoinTransform")
    join_feature(to, feature);
  else if (type == "PythonUdfTransform"
           && transform.dump().find("\"alex_to_null\"") != std::string::npos)
    // The function's body is not in the file; what its name says is.
    derive(to, name, "CASE WHEN name = 'Alex' THEN NULL ELSE name END");
  else if (type == "PythonUdfTransform")
    throw unknown_notation{"a Python function whose body is not in the file"};
  else
    throw unknown_notation{"transforms of the type `" + type + "` are not known"};
}

/// The aggregates as a view whose rows have all columns of those it reads. None are left.
void feathub_views::add_over(node& to, std::vector<json>& over) {
  auto keys = over.empty() ? names{} : keys_of(over.front()["transform"]);
  json view{{"type", "over_window"},
            {"entity", entity_of(to, keys)},
            {"stream", to.stream},
            {"keep", to.columns}};
  declaration(to);
  auto columns = to.columns;
  for (const auto& feature : over) {
    view["aggregates"].push_back(aggregate_of(feature, false));
    columns.push_back(feature.at("name").get<std::string>());
  }
  over.clear();
  to = add_view(std::move(view), std::move(columns), keys);
}

/// Rows with columns of the version of `from` that is valid at their time.
void feathub_views::join(node& to, const std::string& from, const json& value_columns) {
  auto versions = open(from);
  if (versions.keys.empty())
    throw unknown_notation{"a join with a table without keys"};
  declaration(versions);
  declaration(to);
  json view{{"type", "as_of"},           {"entity", entity_of(to, versions.keys)},
            {"values", versions.stream}, {"value_columns", value_columns},
            {"rows", to.stream},         {"row_columns", to.columns}};
  auto columns = to.columns;
  for (const auto& [alias, column] : value_columns.items()) {
    columns.push_back(value_columns.is_array() ? column.get<std::string>() : alias);
    if (to.has(columns.back()))
      throw unknown_notation{"the column `" + columns.back() + "` is made anew"};
  }
  to = add_view(std::move(view), std::move(columns), versions.keys);
  declaration(to);
}

/// An expression over the columns of another table.
void feathub_views::join_feature(node& to, const json& feature) {
  const auto& transform = feature["transform"];
  check_keys(transform, "a transform", {"_type", "table_name", "expr", "keys"});
  auto name = feature.at("name").get<std::string>();
  auto from = transform.at("table_name").get<std::string>();
  auto expression = transform.at("expr").get<std::string>();
  auto versions = open(from);
  auto value_columns = json::object();
  if (versions.has(expression)) {
    value_columns[name] = expression;
    return join(to, from, value_columns);
  }
  for (const auto& word : words_of(expression))
    if (versions.has(word)) {
      auto alias = from + "_" + word;
      value_columns[alias] = word;
      expression = std::regex_replace(expression, std::regex{"\\b" + word + "\\b"}, alias);
    }
  join(to, from, value_columns);
  derive(to, name, expression);
}

void feathub_views::add_sliding(const json& view, window_flags flags) {
  auto name = view.at("source").at("ref").get<std::string>();
  // A view over itself: the one before it, of the same name, is not in the file.
  auto from = open(name == view.value("name", "") && named_.count(name) == 0 ? "source" : name);
  json made{{"type", "sliding_window"},
            {"enable_empty_window_output", flags.empty_output},
            {"skip_same_window_output", flags.skip_same}};
  std::optional<names> keys;
  std::vector<json> expressions;
  names columns;
  for (const auto& written : view.at("features")) {
    auto feature = feature_of(written);
    if (feature.is_string()
        || type_of_transform(feature.at("transform")) != "SlidingWindowTransform") {
      expressions.push_back(feature);
      continue;
    }
    const auto& transform = feature["transform"];
    auto length = duration_text(transform.at("step_size"));
    if ((keys && *keys != keys_of(transform)) || made.value("step", length) != length)
      throw unknown_notation{"sliding windows of several keys or steps in one view"};
    keys = keys_of(transform);
    made["step"] = length;
    for (const auto& word : words_of(transform.at("expr")))
      if (!from.has(word) && from.has(word.substr(0, word.size() - 1)) && word.back() == '2')
        derive(from, word, word.substr(0, word.size() - 1)); // by a view that is not in the file
    made["aggregates"].push_back(aggregate_of(feature, true));
    columns.push_back(feature.at("name").get<std::string>());
  }
  if (!keys)
    throw unknown_notation{"a sliding view without a window"};
  made["entity"] = entity_of(from, *keys);
  made["stream"] = from.stream;
  declaration(from);
  if (!keys->empty())
    made["carry"] = *keys;
  if (view.contains("filter_expr") && expressions.empty())
    made["having"] = view["filter_expr"];
  columns.insert(columns.begin(), keys->begin(), keys->end());
  columns.push_back("window_time");
  last_ = add_view(std::move(made), std::move(columns), *keys);
  std::vector<json> none;
  for (const auto& feature : expressions)
    add_feature(feature, last_, none);
  if (view.contains("filter_expr") && !expressions.empty())
    filter(last_, view["filter_expr"]);
}

} // namespace keyfold::conformance
