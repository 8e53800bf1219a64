#include "config/views/aggregates.hpp"

#include "config/names.hpp"
#include "config/spelling.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace keyfold::config {

namespace {

/// A key of an aggregate, and the functions that it is for.
struct parameter {
  std::string_view key;
  std::vector<aggregate_kind> of;
};

const std::vector<parameter>& parameters() {
  using enum aggregate_kind;
  static const std::vector<parameter> all{
      {"k", {first_k, last_k, top_k}},
      {"max_values", {collect_list, value_counts, top_k, count_distinct}},
      {"exact_bound", {approx_count_distinct}},
      {"percentile", {percentile}},
      {"bounds", {histogram}},
  };
  return all;
}

std::optional<double> number_of(const node& at) {
  auto text = at.values();
  double x = 0;
  if (text.size() != 1)
    return std::nullopt;
  auto [end, problem] = std::from_chars(text[0].data(), text[0].data() + text[0].size(), x);
  if (problem != std::errc{} || end != text[0].data() + text[0].size())
    return std::nullopt;
  return x;
}

class aggregate_reader {
public:
  aggregate_reader(const view_request& from, bool zero_when_empty, view_complaints& complaints)
      : from_(from), zero_when_empty_(zero_when_empty), complaints_(complaints) {}

  std::optional<aggregate_definition> read(const node& at) {
    aggregate_definition out;
    out.name = at.text_or("name", "");
    auto named = check_column_name(out.name, at["name"]);
    auto kind = find_aggregate_kind(at.text_or("function", ""));
    if (!kind) {
      complaints_.refuse(
          at["function"],
          "there is no aggregate function " + at["function"].quoted()
              + suggestion(at.text_or("function", ""), aggregate_names(), "aggregate functions"));
      return std::nullopt;
    }
    out.spec.kind = *kind;
    auto good = named && expressions(at, out);
    settings(at, out.spec);
    if (!good || !complaints_.sound()) {
      complaints_.keep(std::optional<int>{});
      return std::nullopt;
    }
    if (auto made = make_aggregate(out.spec); !made) {
      complaints_.refuse(at, made.error().message);
      return std::nullopt;
    }
    return out;
  }

private:
  bool expressions(const node& at, aggregate_definition& to) {
    auto good = true;
    if (auto text = at["expression"]) {
      to.value = from_.columns.compile(text);
      to.value_text = text.text();
      good = to.value.has_value();
      if (good)
        to.spec.argument = to.value->type();
    }
    if (auto text = at["where"]) {
      to.where = from_.columns.compile_condition(text);
      to.where_text = text.text();
      good = good && to.where.has_value();
    }
    return good;
  }

  void settings(const node& at, aggregate_spec& to) {
    for (const auto& x : parameters())
      if (at[x.key] && std::find(x.of.begin(), x.of.end(), to.kind) == x.of.end())
        complaints_.refuse(at[x.key], backquoted(x.key) + " is not for the function "
                                          + at["function"].quoted());
    to.zero_when_empty = zero_when_empty_;
    to.k = at.whole_or<uint32_t>("k", to.k);
    to.max_values = at.whole_or<uint32_t>("max_values", to.max_values);
    to.exact_bound = at.whole_or<uint32_t>("exact_bound", to.exact_bound);
    if (at["limit"])
      to.limit = at.whole_or<uint32_t>("limit", 1);
    if (auto share = at["percentile"])
      to.percentile = number_of(share).value_or(-1);
    for (const auto& bound : at["bounds"].items())
      to.bounds.push_back(number_of(bound).value_or(0));
  }

  const view_request& from_;
  bool zero_when_empty_;
  view_complaints& complaints_;
};

} // namespace

std::vector<declared_aggregate> read_aggregates(const view_request& from, bool zero_when_empty,
                                                view_complaints& complaints) {
  auto empty_sum = from.definition.text_or("empty_sum", zero_when_empty ? "zero" : "null");
  aggregate_reader reader{from, empty_sum == "zero", complaints};
  std::vector<declared_aggregate> out;
  for (const auto& at : from.definition["aggregates"].items())
    if (auto read = reader.read(at))
      out.push_back({at, std::move(*read)});
  return out;
}

std::optional<expression> read_where(const view_request& from, std::string& text,
                                     view_complaints& complaints) {
  auto at = from.definition["where"];
  if (!at)
    return std::nullopt;
  auto out = from.columns.compile_condition(at);
  complaints.keep(out);
  text = at.text();
  return out;
}

std::vector<std::pair<uint32_t, column>> read_columns(const view_request& from, const node& at,
                                                      view_complaints& complaints) {
  std::vector<std::pair<uint32_t, column>> out;
  for (const auto& name : at.items()) {
    auto found = from.columns.find(name);
    complaints.keep(found);
    if (found)
      out.push_back({*found, {name.text(), from.columns.field(*found).type}});
  }
  return out;
}

std::optional<duration> read_length(const node& at, view_complaints& complaints) {
  if (!at)
    return std::nullopt;
  auto length = at.as_duration();
  complaints.keep(length);
  if (length && length->count() == 0)
    complaints.refuse(at, "this must be longer than 0");
  return length;
}

bool take_features(const view_request& from, size_t count) {
  if (count > from.features_left) {
    from.definition.complain("with these " + std::to_string(count)
                             + " features the definition has more than "
                             + std::to_string(max_features) + "; list fewer aggregates or sizes");
    return false;
  }
  from.features_left -= count;
  return true;
}

void check_value_names(const std::vector<std::pair<node, std::string>>& names,
                       std::vector<std::string> taken, view_complaints& complaints) {
  for (const auto& [at, name] : names) {
    if (std::find(taken.begin(), taken.end(), name) != taken.end())
      complaints.refuse(at,
                        "two values of this view are called " + backquoted(name) + "; rename one");
    taken.push_back(name);
  }
}

std::shared_ptr<const view> made_or_complain(const view_request& from,
                                             result<std::shared_ptr<const view>> made) {
  if (made)
    return *made;
  from.definition.complain(made.error().message);
  return nullptr;
}

} // namespace keyfold::config
