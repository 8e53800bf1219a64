#include "views/scenario.hpp"

#include "features/as_of.hpp"
#include "features/attribution.hpp"
#include "features/latest.hpp"
#include "features/pattern.hpp"
#include "features/recommend.hpp"
#include "features/top_k.hpp"
#include "features/windows/bucket_windows.hpp"
#include "features/windows/row_windows.hpp"
#include "features/windows/session_windows.hpp"

#include <array>
#include <chrono>
#include <optional>

namespace keyfold::bench {

using namespace std::chrono_literals;

namespace {

/// What cells of text are drawn from; they live as long as the program.
const std::vector<std::string>& words() {
  static const auto all = [] {
    std::vector<std::string> made;
    for (size_t i = 0; i < most_words; ++i)
      made.push_back("word " + std::to_string(i));
    return made;
  }();
  return all;
}

struct column_of {
  const char* name;
  type_kind kind;
};

data_type type(type_kind kind) {
  data_type out;
  out.kind = kind;
  return out;
}

std::shared_ptr<const stream_schema> schema(std::initializer_list<column_of> columns) {
  auto out = std::make_shared<stream_schema>();
  for (const auto& x : columns) {
    auto& field = out->fields.emplace_back();
    field.name = x.name;
    field.type = type(x.kind);
  }
  return out;
}

scenario top_k_of(std::string name, std::string what, size_t candidates) {
  top_k_settings x;
  x.name = name;
  x.stream = "conversions";
  x.feature = "top";
  x.candidate = {{"query", type(type_kind::string)}};
  x.candidate_columns = {0};
  x.rules.k = 5;
  return {std::move(name),
          std::move(what),
          make_top_k(x),
          {schema({{"query", type_kind::string}})},
          [candidates](uint32_t, random_source& random, std::vector<cell>& to) {
            to.push_back(word(random, candidates));
          }};
}

scenario latest_row() {
  latest_settings x;
  x.name = "latest";
  x.stream = "profiles";
  x.columns = {{"city", type(type_kind::string)}};
  x.column_places = {0};
  return {"latest",
          "one text",
          make_latest(x),
          {schema({{"city", type_kind::string}})},
          [](uint32_t, random_source& random, std::vector<cell>& to) {
            to.push_back(word(random, 1000));
          }};
}

/// As examples/checkout-attribution: clicks and checkouts of users.
scenario attribution_by(std::string name, attribution_settings::model credit) {
  attribution_settings x;
  x.name = name;
  x.touches = {"clicks", {1}, {0}, {{"click", type(type_kind::string)}}, {}, {}};
  x.conversions = {"checkouts", {1}, {0}, {{"checkout", type(type_kind::string)}}, {}, {}};
  x.match = {{"product", type(type_kind::string)}};
  x.window = 10s;
  x.credit = credit;
  auto columns = schema({{"id", type_kind::string}, {"product", type_kind::string}});
  return {std::move(name),
          "checkouts to the clicks of 10 s before, by product",
          make_attribution(x),
          {columns, columns},
          [](uint32_t, random_source& random, std::vector<cell>& to) {
            to.push_back(word(random, most_words));
            to.push_back(word(random, 100));
          }};
}

scenario point_in_time_join() {
  as_of_settings x;
  x.name = "as_of";
  x.values = {"prices", {0}, {{"price", type(type_kind::float64)}}, {}, {}};
  x.rows = as_of_settings::role{"purchases", {0}, {{"count", type(type_kind::float64)}}, {}, {}};
  auto columns = schema({{"x", type_kind::float64}});
  return {"as_of",
          "purchases with the price at their time",
          make_as_of(x),
          {columns, columns},
          [](uint32_t, random_source& random, std::vector<cell>& to) {
            to.push_back(cell::real(static_cast<double>(random() % 1000)));
          }};
}

/// As examples/conversions: search, view, cart and buy of one item in a row, within ten minutes.
scenario conversions(std::string name, std::string what, pattern_element::contiguity between) {
  auto columns = schema({{"kind", type_kind::string},
                         {"item", type_kind::int64},
                         {"search", type_kind::string},
                         {"user", type_kind::int64}});
  auto parsed = parse_pattern("searched viewed carted bought", between);
  pattern_settings x;
  x.name = name;
  x.stream = "actions";
  for (const auto& field : columns->fields)
    x.columns.push_back({field.name, field.type, true});
  x.pattern = parsed->pattern;
  x.variables = {{"searched", 0}, {"viewed", 1}, {"carted", 2}, {"bought", 3}};
  x.conditions = {"kind = 'search'", "kind = 'view'", "kind = 'cart' AND item = viewed.item",
                  "kind = 'buy' AND item = viewed.item"};
  x.measures = {{"userId", "searched.user"},
                {"matchedSearchQuery", "searched.search"},
                {"matchedItemId", "bought.item"}};
  x.within = 10min;
  x.after = pattern_settings::skip::to_next;
  auto made = make_pattern(x);
  auto problem = made ? std::string{} : made.error().message;
  return {std::move(name),
          std::move(what),
          made ? result<std::shared_ptr<const view>>{made->view} : fail(problem),
          {columns},
          [](uint32_t, random_source& random, std::vector<cell>& to) {
            static const std::vector<std::string> kinds = {"search", "view", "cart", "buy"};
            to.push_back(cell::string(kinds[random() % kinds.size()]));
            to.push_back(cell::integer(static_cast<int64_t>(random() % 3)));
            to.push_back(word(random, 15));
            to.push_back(cell::integer(static_cast<int64_t>(random() % 100'000)));
          }};
}

std::shared_ptr<const stream_schema> purchases() {
  return schema({{"amount", type_kind::float64}});
}

void purchase(uint32_t, random_source& random, std::vector<cell>& to) {
  to.push_back(cell::real(static_cast<double>(random() % 10'000) / 100));
}

/// An aggregate of the amounts of purchases, or of the purchases themselves.
aggregate_definition aggregate_of(std::string name, aggregate_kind kind) {
  aggregate_definition out;
  out.name = std::move(name);
  out.spec.kind = kind;
  if (kind == aggregate_kind::count)
    return out;
  out.value = *compile_expression("amount", {{"amount", type(type_kind::float64)}});
  out.value_text = "amount";
  return out;
}

/// What a team asks of purchases.
std::vector<aggregate_definition> usual_aggregates() {
  return {aggregate_of("count", aggregate_kind::count), aggregate_of("total", aggregate_kind::sum),
          aggregate_of("average", aggregate_kind::avg),
          aggregate_of("largest", aggregate_kind::max)};
}

constexpr auto usual = "count, sum, avg, max of an amount";

/// Aggregates of the last steps.
scenario sliding(std::string name, std::string what, duration step, int steps,
                 std::vector<aggregate_definition> aggregates) {
  bucket_windows_settings x;
  x.name = name;
  x.stream = "purchases";
  x.step = step;
  for (auto& y : aggregates)
    x.outputs.push_back({std::move(y), step * steps});
  return {std::move(name), std::move(what), make_bucket_windows(x), {purchases()}, purchase};
}

scenario rows_before(std::string name, std::string what, std::optional<duration> size,
                     std::vector<aggregate_definition> aggregates) {
  row_windows_settings x;
  x.name = name;
  x.stream = "purchases";
  x.peers = size.has_value();
  for (auto& y : aggregates)
    x.outputs.push_back({std::move(y), size, std::nullopt});
  return {std::move(name), std::move(what), make_row_windows(x), {purchases()}, purchase};
}

scenario sessions(std::string name, std::string what,
                  std::vector<aggregate_definition> aggregates) {
  session_windows_settings x;
  x.name = name;
  x.stream = "purchases";
  x.gap = 5s;
  x.outputs = std::move(aggregates);
  return {std::move(name), std::move(what), make_session_windows(x), {purchases()}, purchase};
}

std::vector<aggregate_definition> total() {
  return {aggregate_of("total", aggregate_kind::sum)};
}

/// 100 000 products in 1000 categories.
std::shared_ptr<table> inventory(ranking_rules rules) {
  std::vector<column> columns{{"product", type(type_kind::string)},
                              {"category", type(type_kind::int64)},
                              {"stock", type(type_kind::int64)},
                              {"rating", type(type_kind::int64)}};
  auto out = std::make_shared<table>("inventory", columns, std::vector<uint32_t>{0});
  scope fields;
  for (const auto& x : columns)
    fields.push_back({x.name, x.type});
  rules.available = *compile_expression("stock > 0", fields);
  out->add_index(ranking_by(std::move(rules)));
  table_builder builder{columns, {0}, {}};
  random_source random{2};
  for (const auto& id : words()) {
    const std::array row{cell::string(id), cell::integer(static_cast<int64_t>(random() % 1000)),
                         cell::integer(static_cast<int64_t>(random() % 10)),
                         cell::integer(static_cast<int64_t>(1 + random() % 10))};
    builder.add(row);
  }
  out->publish(builder.build());
  return out;
}

scenario recommendations() {
  recommend_settings x;
  x.name = "recommend";
  x.feature = "products";
  x.clicks = {"clicks", 0, {}, {}};
  x.sales = recommend_settings::role{"sales", 0, {}, {}};
  x.products = inventory({0, 1, 3, ranking_rules::order::number, {}});
  x.forget_after = 1min;
  auto columns = schema({{"product", type_kind::string}});
  return {"recommend",
          "6 of 100,000 products in 1000 categories, windows of 5 s",
          make_recommend(x),
          {columns, columns},
          [](uint32_t, random_source& random, std::vector<cell>& to) {
            to.push_back(word(random, most_words));
          }};
}

std::vector<aggregate_definition> one(aggregate_kind kind) {
  auto x = aggregate_of("x", kind);
  x.spec.percentile = 0.95;
  x.spec.k = 10;
  return {std::move(x)};
}

} // namespace

cell word(random_source& random, size_t among) {
  return cell::string(words()[random() % among]);
}

std::vector<scenario> plain_scenarios() {
  using model = attribution_settings::model;
  using contiguity = pattern_element::contiguity;
  std::vector<scenario> out;
  auto add = [&](scenario x) { out.push_back(std::move(x)); };
  add(top_k_of("top_k", "5 best of 15 queries per item, by count", 15));
  add(top_k_of("top_k_beyond_bound", "5 best of 100,000 queries, 1000 kept", most_words));
  add(latest_row());
  add(attribution_by("attribution_first_click", model::first_click));
  add(attribution_by("attribution_last_click", model::last_click));
  add(attribution_by("attribution_linear", model::linear));
  add(point_in_time_join());
  add(conversions("pattern", "search, view, cart, buy of one item, strict", contiguity::strict));
  add(conversions("pattern_relaxed", "the same with other rows between", contiguity::relaxed));
  add(recommendations());
  add(sliding("sliding_window", "sum of an amount, 2 steps of 1 min", 1min, 2, total()));
  add(sliding("sliding_window_usual", std::string{usual} + ", 60 steps of 1 min", 1min, 60,
              usual_aggregates()));
  add(rows_before("over_window", "sum of an amount, 10 s", 10s, total()));
  add(rows_before("over_window_usual", std::string{usual} + ", 10 s", 10s, usual_aggregates()));
  add(rows_before("aggregate", "sum of an amount", std::nullopt, total()));
  add(rows_before("aggregate_usual", usual, std::nullopt, usual_aggregates()));
  add(sessions("session_window", "sum of an amount, gap 5 s", total()));
  add(sessions("session_window_usual", std::string{usual} + ", gap 5 s", usual_aggregates()));
  add(sliding(
      "heavy_many_steps", "sum and max of an amount, 300 steps of 1 s: a row a step", 1s, 300,
      {aggregate_of("total", aggregate_kind::sum), aggregate_of("largest", aggregate_kind::max)}));
  add(sessions("heavy_percentile", "sketch of an amount, per session",
               one(aggregate_kind::percentile)));
  add(sessions("heavy_collect_list", "all amounts of a session",
               one(aggregate_kind::collect_list)));
  add(rows_before("heavy_count_distinct", "different amounts ever", std::nullopt,
                  one(aggregate_kind::count_distinct)));
  return out;
}

} // namespace keyfold::bench
