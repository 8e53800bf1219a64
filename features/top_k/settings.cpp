#include "features/fingerprint.hpp"
#include "features/settings_check.hpp"
#include "features/top_k/view.hpp"
#include "features/type_makers.hpp"

namespace keyfold {

namespace ranking {

namespace {

std::optional<error> problem_in(const top_k_settings& x) {
  settings_check check{x.name};
  check.require(!x.feature.empty(), "its list has no name: give `feature`");
  check.require(!x.candidate.empty() && x.candidate.size() == x.candidate_columns.size(),
                "it has no candidates: name the column or columns to rank");
  check.require(x.candidate.size() <= top_k_settings::max_candidate_columns,
                "{} columns of a candidate are more than {}: name fewer", x.candidate.size(),
                top_k_settings::max_candidate_columns);
  for (const auto& column : x.candidate)
    check.require(column.type.kind != type_kind::list && column.type.kind != type_kind::map,
                  "the column `{}` is a {}, which cannot be a candidate: choose another",
                  column.name, to_string(column.type));
  check.condition(x.where);
  auto needs_number = x.rules.by == measure::sum || x.rules.by == measure::max;
  auto needs = needs_number || x.rules.by == measure::distinct;
  check.require(needs == x.measured.has_value(),
                needs ? "what it ranks by needs an expression: add `expression`"
                      : "a count has no expression: leave `expression` out, or rank by sum");
  if (x.measured) {
    const auto& type = x.measured->type();
    check.require(!needs_number || is_numeric(type.kind),
                  "its expression is a {}, and a number is needed", to_string(type));
    check.require(type.kind != type_kind::list && type.kind != type_kind::map,
                  "its expression is a {}, and a single value is needed", to_string(type));
  }
  check.require(x.rules.by != measure::decayed_count || x.rules.rate.length.count() > 0,
                "a decayed count needs a `time_constant` or a `half_life` longer than 0");
  check.require(x.rules.exact_bound <= distinct_counter::max_exact_bound,
                "exact_bound {} is more than {}: lower it", x.rules.exact_bound,
                distinct_counter::max_exact_bound);
  check.require(x.rules.k > 0, "k is 0: ask for 1 or more");
  check.require(x.rules.max_candidates > x.rules.k,
                "max_candidates ({}) must be more than k ({}): raise it", x.rules.max_candidates,
                x.rules.k);
  check.require(!x.rules.time_to_live || x.rules.time_to_live->count() > 0,
                "ttl is not longer than 0: give it a length, e.g. \"7d\", or leave it out");
  check.require(x.max_pending_rows > 0, "max_pending_rows is 0: set it to 1 or more");
  check.require(x.max_candidate_bytes > 0, "max_candidate_bytes is 0: set it to 1 or more");
  return check.problem();
}

std::string fingerprint_of(const top_k_settings& x) {
  fingerprint_writer out{"top_k 1"};
  out.add(x.stream).add(std::span<const column>{x.candidate}).add(x.where_text);
  out.add(static_cast<int64_t>(x.rules.by)).add(x.measured_text);
  if (x.rules.by == measure::decayed_count)
    out.add(x.rules.rate.length.count()).add(x.rules.rate.is_half_life ? 1 : 0);
  if (x.rules.by == measure::distinct)
    out.add(x.rules.exact_bound);
  return out.take();
}

} // namespace

top_k_view::top_k_view(top_k_settings settings) : settings_(std::move(settings)) {
  for (const auto& x : settings_.candidate)
    candidate_types_.push_back(x.type);
  auto item = candidate_types_.size() == 1 ? candidate_types_.front() : scalar(type_kind::string);
  auto whole = settings_.rules.by == measure::count || settings_.rules.by == measure::distinct;
  auto score = list_type(scalar(whole ? type_kind::int64 : type_kind::float64));
  const auto& name = settings_.feature;
  about_.features = {{name, list_type(item)},
                     {name + "_scores", score},
                     {name + "_errors", score},
                     {name + "_exact", scalar(type_kind::boolean)}};
  about_.changes.values.push_back({name, list_type(item)});
  if (settings_.with_scores)
    about_.changes.values.push_back({name + "_scores", score});
  about_.name = settings_.name;
  about_.kind = "top_k";
  about_.inputs = {settings_.stream};
  about_.fingerprint = fingerprint_of(settings_);
}

} // namespace ranking

result<std::shared_ptr<const view>> make_top_k(top_k_settings settings) {
  if (auto problem = ranking::problem_in(settings))
    return tl::unexpected{std::move(*problem)};
  return std::make_shared<const view_of<ranking::top_k_view>>(std::move(settings));
}

} // namespace keyfold
