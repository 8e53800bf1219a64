#include "features/aggregate/functions.hpp"
#include "features/decimal.hpp"
#include "features/distinct_counter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>

namespace keyfold {

namespace {

enum class takes : uint8_t { anything, single, number };

struct named_kind {
  std::string_view name;
  aggregate_kind kind;
  takes argument;
};

constexpr std::array kinds = {
    named_kind{"count", aggregate_kind::count, takes::anything},
    named_kind{"row_number", aggregate_kind::row_number, takes::anything},
    named_kind{"sum", aggregate_kind::sum, takes::number},
    named_kind{"avg", aggregate_kind::avg, takes::number},
    named_kind{"min", aggregate_kind::min, takes::single},
    named_kind{"max", aggregate_kind::max, takes::single},
    named_kind{"first_value", aggregate_kind::first_value, takes::single},
    named_kind{"last_value", aggregate_kind::last_value, takes::single},
    named_kind{"first_k", aggregate_kind::first_k, takes::single},
    named_kind{"last_k", aggregate_kind::last_k, takes::single},
    named_kind{"collect_list", aggregate_kind::collect_list, takes::single},
    named_kind{"value_counts", aggregate_kind::value_counts, takes::single},
    named_kind{"top_k", aggregate_kind::top_k, takes::single},
    named_kind{"count_distinct", aggregate_kind::count_distinct, takes::single},
    named_kind{"approx_count_distinct", aggregate_kind::approx_count_distinct, takes::single},
    named_kind{"var_samp", aggregate_kind::var_samp, takes::number},
    named_kind{"var_pop", aggregate_kind::var_pop, takes::number},
    named_kind{"stddev_samp", aggregate_kind::stddev_samp, takes::number},
    named_kind{"stddev_pop", aggregate_kind::stddev_pop, takes::number},
    named_kind{"skewness", aggregate_kind::skewness, takes::number},
    named_kind{"kurtosis", aggregate_kind::kurtosis, takes::number},
    named_kind{"percentile", aggregate_kind::percentile, takes::number},
    named_kind{"histogram", aggregate_kind::histogram, takes::number},
    named_kind{"variance", aggregate_kind::var_samp, takes::number},
    named_kind{"stddev", aggregate_kind::stddev_samp, takes::number},
};

const named_kind& known(aggregate_kind kind) {
  return *std::find_if(kinds.begin(), kinds.end(), [&](const auto& x) { return x.kind == kind; });
}

std::optional<std::string> problem_of_argument(const aggregate_spec& spec) {
  const auto& kind = known(spec.kind);
  auto name = fmt::format("`{}`", kind.name);
  if (!spec.argument) {
    if (kind.argument == takes::anything)
      return std::nullopt;
    return name + " needs an `expression`";
  }
  auto type = spec.argument->kind;
  auto given = fmt::format(", and this is `{}`", to_string(*spec.argument));
  if (type == type_kind::null)
    return "the expression is always NULL; give it a type with CAST";
  if (kind.argument == takes::number && !is_numeric(type))
    return name + " needs a number" + given;
  if (type == type_kind::list || type == type_kind::map)
    return name + " needs a single value" + given;
  return std::nullopt;
}

std::optional<std::string> problem_of_parameters(const aggregate_spec& spec) {
  auto outside = [](uint32_t x) { return x == 0 || x > aggregate_spec::most_values; };
  if (outside(spec.k) || outside(spec.max_values) || outside(spec.limit.value_or(1)))
    return fmt::format("`k`, `limit` and `max_values` lie between 1 and {}",
                       aggregate_spec::most_values);
  if (spec.exact_bound > distinct_counter::max_exact_bound)
    return fmt::format("`exact_bound` is at most {}", distinct_counter::max_exact_bound);
  if (!(spec.percentile >= 0 && spec.percentile <= 1))
    return "`percentile` lies between 0 and 1: the median is 0.5";
  if (spec.kind != aggregate_kind::histogram)
    return std::nullopt;
  if (spec.bounds.empty() || spec.bounds.size() > aggregate_spec::most_bounds)
    return fmt::format("`histogram` needs `bounds`, 1 to {} numbers", aggregate_spec::most_bounds);
  auto unordered = std::adjacent_find(spec.bounds.begin(), spec.bounds.end(),
                                      [](auto a, auto b) { return !(a < b); });
  if (unordered != spec.bounds.end() || !std::isfinite(spec.bounds.front() + spec.bounds.back()))
    return "the `bounds` of a histogram are finite and ascend";
  return std::nullopt;
}

aggregates::function_ptr make(const aggregate_spec& spec) {
  using namespace aggregates;
  using enum aggregate_kind;
  switch (spec.kind) {
  case count:
  case row_number:
    return make_count();
  case sum:
    return make_sum(*spec.argument, spec.zero_when_empty);
  case avg:
    return make_average(*spec.argument);
  case min:
  case max:
    return make_extreme(*spec.argument, spec.kind == max);
  case first_value:
  case last_value:
    return make_end_value(*spec.argument, spec.kind == last_value);
  case first_k:
  case last_k:
    return make_end_list(*spec.argument, spec.kind == last_k, spec.k, false);
  case collect_list:
    return make_end_list(*spec.argument, true, spec.max_values, true);
  case value_counts:
  case top_k:
  case count_distinct:
    return make_table(spec);
  case approx_count_distinct:
    return make_distinct_sketch(spec.exact_bound);
  case var_samp:
  case var_pop:
  case stddev_samp:
  case stddev_pop:
  case skewness:
  case kurtosis:
    return make_moment(spec.kind);
  case percentile:
    return make_percentile(spec.percentile);
  case histogram:
    return make_histogram(spec.bounds);
  }
  throw std::logic_error{"an aggregate function of no kind"};
}

} // namespace

std::optional<aggregate_kind> find_aggregate_kind(std::string_view name) {
  for (const auto& x : kinds)
    if (x.name == name)
      return x.kind;
  return std::nullopt;
}

std::vector<std::string> aggregate_names() {
  std::vector<std::string> out;
  for (const auto& x : kinds)
    out.emplace_back(x.name);
  return out;
}

void aggregate_function::remove(uint64_t*, const cell&) const {
  throw std::logic_error{"this aggregate function cannot take rows back"};
}

void aggregate_function::retract(uint64_t*, const uint64_t*) const {
  throw std::logic_error{"this aggregate function cannot take rows back"};
}

result<std::shared_ptr<const aggregate_function>> make_aggregate(const aggregate_spec& spec) {
  if (auto problem = problem_of_argument(spec))
    return fail(*std::move(problem));
  if (auto problem = problem_of_parameters(spec))
    return fail(*std::move(problem));
  auto made = make(spec);
  if (!spec.limit)
    return made;
  auto argument = spec.argument.value_or(aggregates::type_of(type_kind::boolean));
  return aggregates::make_limited(std::move(made), argument, *spec.limit);
}

namespace aggregates {

data_type list_of(const data_type& item) {
  auto out = type_of(type_kind::list);
  out.element = std::make_shared<const data_type>(item);
  return out;
}

double number_in(const cell& x) noexcept {
  switch (x.kind()) {
  case cell_kind::real:
    return x.as_real();
  case cell_kind::decimal:
    return decimal_to_double(x.unscaled(), x.scale());
  default:
    return static_cast<double>(x.as_integer());
  }
}

} // namespace aggregates

} // namespace keyfold
