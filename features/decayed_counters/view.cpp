#include "features/decayed_counters.hpp"

#include "features/decayed_counters/view.hpp"
#include "features/type_makers.hpp"

namespace keyfold {

result<std::shared_ptr<const view>> make_decayed_counters(decayed_counters_settings settings) {
  if (auto problem = counters::problem_in(settings))
    return tl::unexpected{std::move(*problem)};
  return std::make_shared<const counters::decayed_counters>(std::move(settings));
}

namespace counters {

namespace {

using function = decayed_counters_settings::function;
using source = counter_names::place::source;

data_type type_of(source from) {
  return scalar(from == source::distinct ? type_kind::int64 : type_kind::float64);
}

/// Where a measure is among those of its sort: sums, or distincts.
counter_names::place place_of_measure(const decayed_counters_settings& settings,
                                      std::string_view name) {
  counter_names::place sum{source::sum, 0, 0, 0};
  counter_names::place distinct{source::distinct, 0, 0, 0};
  for (const auto& measure : settings.measures) {
    auto& place = measure.function == function::distinct ? distinct : sum;
    if (measure.name == name)
      return place;
    ++place.number;
  }
  return sum;
}

state_layout layout_of(const decayed_counters_settings& settings, bool open) {
  uint32_t sums = 0;
  uint32_t distincts = 0;
  for (const auto& measure : settings.measures)
    ++(measure.function == function::distinct ? distincts : sums);
  auto decays = static_cast<uint32_t>(settings.decays.size());
  // Most keys of a large set are rare ones, with one group and one window at a time; of an open set
  // of groups, who knows how many there will be.
  uint32_t groups_beside = open ? 0 : 1;
  uint32_t windows_beside = settings.pre_aggregate && !open ? 1 : 0;
  return {entry_layout{open, settings.time_to_live.has_value(), sums * decays, distincts},
          entry_layout{open, true, sums, distincts}, groups_beside, windows_beside};
}

} // namespace

counter_names::counter_names(const decayed_counters_settings& settings,
                             const group_directory& groups) {
  for (const auto& measure : settings.measures)
    for (uint32_t i = 0; measure.function != function::distinct && i < settings.decays.size();
         ++i) {
      auto where = place_of_measure(settings, measure.name);
      where.decay = i;
      values.push_back({measure.name + "_" + settings.decays[i].name, where});
    }
  for (const auto& measure : settings.measures)
    if (measure.function == function::distinct)
      values.push_back({measure.name, place_of_measure(settings, measure.name)});
  for (uint32_t group = 0; groups.closed() && group < groups.size(); ++group)
    for (auto [name, where] : values) {
      if (!settings.group.empty())
        name.insert(0, std::string{groups.text({group, {}})} + "_");
      where.group = group;
      features.push_back({std::move(name), type_of(where.from)});
      feature_places.push_back(where);
    }
  for (uint32_t ratio = 0; ratio < settings.ratios.size(); ++ratio) {
    const auto& x = settings.ratios[ratio];
    auto decays = place_of_measure(settings, x.numerator.measure).from == source::sum
                  || place_of_measure(settings, x.denominator.measure).from == source::sum;
    for (uint32_t i = 0; i < (decays ? settings.decays.size() : 1); ++i) {
      features.push_back(
          {decays ? x.name + "_" + settings.decays[i].name : x.name, type_of(source::ratio)});
      feature_places.push_back({source::ratio, 0, ratio, i});
    }
  }
}

decayed_counters::decayed_counters(decayed_counters_settings settings)
    : settings_(std::move(settings)),
      groups_(settings_.group, settings_.groups, settings_.max_group_bytes),
      names_(settings_, groups_),
      layout_(std::make_shared<const state_layout>(layout_of(settings_, !groups_.closed()))),
      fingerprint_(fingerprint_of(settings_)), max_entries_(settings_.max_groups_per_key) {
  // A closed set is a bound of its own.
  if (groups_.closed())
    max_entries_ = std::max(max_entries_, groups_.size());
  for (const auto& x : settings_.inputs)
    inputs_.push_back(x.stream);
  for (const auto& x : settings_.decays)
    rates_.push_back(x.rate);
  for (const auto& x : settings_.measures) {
    if (x.function == function::distinct)
      exact_bounds_.push_back(x.exact_bound);
    else
      ++sums_;
  }
  auto operand = [&](const decayed_counters_settings::operand& x) {
    return operand_place{groups_.find(x.group).value_or(group_ref{}),
                         place_of_measure(settings_, x.measure)};
  };
  for (const auto& x : settings_.ratios)
    ratios_.push_back({operand(x.numerator), operand(x.denominator)});
  changes_.group = settings_.group;
  changes_.values.push_back({"last_update", scalar(type_kind::timestamp)});
  for (const auto& x : names_.values)
    changes_.values.push_back({x.name, type_of(x.where.from)});
}

std::unique_ptr<counters_state>
counters_state::make(const std::shared_ptr<const state_layout>& layout) {
  auto beside = size_beside(*layout);
  if (layout->groups.owning())
    return std::unique_ptr<counters_state>{new (beside) owning_counters_state{layout}};
  return std::unique_ptr<counters_state>{new (beside) plain_counters_state{*layout}};
}

size_t counters_state::size_of(const state_layout& layout) noexcept {
  auto object =
      layout.groups.owning() ? sizeof(owning_counters_state) : sizeof(plain_counters_state);
  return object + size_beside(layout);
}

std::unique_ptr<view_state> decayed_counters::make_state() const {
  return counters_state::make(layout_);
}

bool decayed_counters::empty(const view_state& state) const noexcept {
  const auto& own = static_cast<const counters_state&>(state);
  return own.groups.size() == 0 && own.windows.size() == 0;
}

size_t decayed_counters::memory(const view_state& state) const noexcept {
  const auto& own = static_cast<const counters_state&>(state);
  return counters_state::size_of(*layout_) + own.groups.memory(layout_->groups)
         + own.windows.memory(layout_->windows);
}

} // namespace counters

} // namespace keyfold
