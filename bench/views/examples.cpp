#include "views/scenario.hpp"

#include "config/plan.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>

namespace keyfold::bench {

namespace {

struct example_view {
  const char* folder; ///< below examples/
  const char* view;
  const char* what;
};

constexpr example_view all[] = {
    {"counter-machine", "activity", "decayed_counters: 4 names, 4 decays, counts, sums, distinct"},
    {"conversions", "journeys", "pattern: search, view, cart, buy of one item"},
    {"conversions", "queries", "top_k: 5 best of 15 queries per item"},
    {"purchases-sliding", "priced", "as_of: purchases with the price at their time"},
    {"purchases-sliding", "spending", "sliding_window: sum of 2 steps of 1 min"},
    {"checkout-attribution", "attribution", "attribution: first click within 1 h"},
    {"checkout-attribution", "totals", "aggregate: two counts and a sum of decimals"},
    {"checkout-attribution", "last_checkout", "latest: two texts"},
};

std::string text_of(const std::filesystem::path& file) {
  std::ifstream in{file};
  return {std::istreambuf_iterator<char>{in}, {}};
}

/// What the examples' generators draw from, where the type alone does not say it.
cell drawn(const std::string& column, const data_type& type, random_source& random) {
  static const char* const kinds[] = {"search", "view", "cart", "cart", "cart", "buy"};
  static const char* const names[] = {"view", "view", "view", "like", "comment", "share"};
  if (column == "kind" || column == "action")
    return cell::string(kinds[random() % std::size(kinds)]);
  if (column == "eventName")
    return cell::string(names[random() % std::size(names)]);
  if (column == "matchedSearchQuery" || column == "search")
    return word(random, 15);
  switch (type.kind) {
  case type_kind::boolean:
    return cell::boolean(random() % 2 == 0);
  case type_kind::float32:
  case type_kind::float64:
    return cell::real(static_cast<double>(random() % 40'000) / 100);
  case type_kind::decimal:
    return cell::decimal(static_cast<int64_t>(random() % 10'000), type.scale);
  case type_kind::timestamp:
    return cell::timestamp(event_time{std::chrono::seconds{1'700'000'000 + random() % 3600}});
  case type_kind::string:
    return word(random, most_words);
  case type_kind::list:
  case type_kind::map:
  case type_kind::bytes:
    return {};
  default:
    return cell::integer(static_cast<int64_t>(random() % 10));
  }
}

std::shared_ptr<const view> find_view(const config::plan& in, std::string_view name) {
  for (const auto& entity : in.entities)
    for (const auto& x : entity->views)
      if (x->name() == name)
        return x;
  return nullptr;
}

std::shared_ptr<const stream_schema> find_schema(const config::plan& in, std::string_view name) {
  for (const auto& x : in.streams)
    if (x.schema->name == name)
      return x.schema;
  return nullptr;
}

scenario scenario_of(const example_view& x, const config::plan& in) {
  scenario out{fmt::format("{}/{}", x.folder, x.view), x.what, fail("no such view"), {}, {}};
  auto found = find_view(in, x.view);
  if (found == nullptr)
    return out;
  for (const auto& input : found->inputs()) {
    out.inputs.push_back(find_schema(in, input));
    if (out.inputs.back() == nullptr)
      return out;
  }
  out.made = std::move(found);
  out.row = [schemas = out.inputs](uint32_t input, random_source& random, std::vector<cell>& to) {
    for (const auto& field : schemas[input]->fields)
      to.push_back(drawn(field.name, field.type, random));
  };
  return out;
}

} // namespace

std::vector<scenario> example_scenarios() {
  std::vector<scenario> out;
  for (const auto& x : all) {
    auto file = std::filesystem::path{KEYFOLD_EXAMPLES} / x.folder / "definition.json";
    auto made = config::compile_plan(text_of(file), file.string(),
                                     [](const auto&) { return std::optional<std::string>{}; });
    if (made)
      out.push_back(scenario_of(x, *made));
    else
      fmt::print(stderr, "{}/{} left out: {}\n", x.folder, x.view, made.error().messages.front());
  }
  return out;
}

} // namespace keyfold::bench
