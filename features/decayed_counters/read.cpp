#include "features/decayed_counters/view.hpp"

#include <cmath>

namespace keyfold::counters {

namespace {

using source = counter_names::place::source;

/// Counts what is in any of the entries.
uint64_t count_distinct(std::span<const entry> entries, uint32_t number, uint32_t exact_bound) {
  if (entries.size() == 1)
    return borrowed_distinct {
      entries[0].distinct(number)
      } -> count();
  distinct_counter all;
  for (const auto& x : entries)
    all.merge(*borrowed_distinct{x.distinct(number)}, exact_bound);
  return all.count();
}

/// The moment a sum is decayed to. The end of the events leaves them as they are.
event_time reading_time(event_time newest, event_time as_of) noexcept {
  return as_of == end_of_time ? newest : std::max(newest, as_of);
}

} // namespace

bool decayed_counters::live(event_time newest, event_time as_of) const noexcept {
  return !settings_.time_to_live || as_of == end_of_time || as_of < ends_at(newest);
}

bool decayed_counters::any_live(const counters_state& state, event_time as_of) const noexcept {
  for (uint32_t i = 0; i < state.groups.size(); ++i) {
    auto x = state.groups.at(layout_->groups, i);
    if (!x.has(entry::gone) && live(x.newest(), as_of))
      return true;
  }
  for (uint32_t i = 0; i < state.windows.size(); ++i)
    if (live(state.windows.at(layout_->windows, i).newest(), as_of))
      return true;
  return false;
}

std::optional<decayed_counters::reading> decayed_counters::resolve(const counters_state& state,
                                                                   const group_ref& group,
                                                                   arena& memory) const {
  auto [first, last] = state.groups.find(layout_->groups, group);
  while (first < last && state.groups.at(layout_->groups, first).has(entry::gone))
    ++first;
  auto [window, last_window] = state.windows.find(layout_->windows, group);
  auto count = (last - first) + (last_window - window);
  if (count == 0)
    return std::nullopt;
  auto* entries = reinterpret_cast<entry*>(memory.allocate(count * sizeof(entry)));
  auto* next = entries;
  if (window == last_window) {
    auto newest = state.groups.at(layout_->groups, last - 1);
    new (next) entry{newest};
    return reading{newest.newest(), newest.sums(), {next, 1}};
  }
  for (; first < last; ++first)
    new (next++) entry{state.groups.at(layout_->groups, first)};
  for (; window < last_window; ++window)
    new (next++) entry{state.windows.at(layout_->windows, window)};
  return sum_up({entries, next}, memory);
}

decayed_counters::reading decayed_counters::sum_up(std::span<entry> entries, arena& memory) const {
  std::sort(entries.begin(), entries.end(),
            [](const auto& a, const auto& b) { return a.newest() > b.newest(); });
  auto size = sums_ * rates_.size();
  auto* sums = reinterpret_cast<double*>(memory.allocate(size * sizeof(double)));
  std::fill_n(sums, size, 0.0);
  auto newest = entries[0].newest();
  decayed_sums total{rates_, newest, sums};
  auto oldest = newest;
  size_t used = 0;
  for (; used < entries.size(); ++used) {
    const auto& x = entries[used];
    // Beyond a silence of the time to live is what the group has forgotten.
    if (settings_.time_to_live && ends_at(x.newest()) <= oldest)
      break;
    auto is_window = &x.layout() == &layout_->windows;
    if (is_window)
      total.add(x.newest(), {x.sums(), sums_});
    else
      total.merge({rates_, x.newest(), x.sums()}, sums_);
    oldest = std::min(oldest, is_window || !settings_.time_to_live ? x.newest() : x.start());
  }
  return {newest, sums, entries.first(used)};
}

std::optional<double> decayed_counters::number_in(const std::optional<reading>& x,
                                                  const counter_names::place& where,
                                                  event_time as_of) const {
  if (!x || !live(x->newest, as_of))
    return std::nullopt;
  if (where.from == source::distinct)
    return static_cast<double>(
        count_distinct(x->entries, where.number, exact_bounds_[where.number]));
  auto share = decay_factor(rates_[where.decay], x->newest, reading_time(x->newest, as_of));
  return bounded_sum(x->sums[where.decay * sums_ + where.number] * share);
}

feature_value decayed_counters::feature_of(const counters_state& state,
                                           const std::optional<reading>& x,
                                           const counter_names::place& where,
                                           event_time as_of) const {
  feature_value out;
  auto number = number_in(x, where, as_of);
  if (!number && groups_.closed() && any_live(state, as_of)) {
    // Of a key that is known, that something has not happened is known too.
    number = 0;
  } else if (x) {
    out.at = x->newest;
  }
  if (!number) {
    out.status = x ? feature_status::outside_max_age : feature_status::not_found;
    return out;
  }
  out.status = feature_status::present;
  out.value =
      where.from == source::distinct ? cell::integer(std::llround(*number)) : cell::real(*number);
  return out;
}

feature_value decayed_counters::ratio_of(const counters_state& state,
                                         const counter_names::place& where, event_time as_of,
                                         arena& memory) const {
  const auto& ratio = ratios_[where.number];
  auto above = resolve(state, ratio.numerator.group, memory);
  auto below = resolve(state, ratio.denominator.group, memory);
  feature_value out;
  if (!above && !below)
    return out;
  out.at = std::max(above ? above->newest : beginning_of_time,
                    below ? below->newest : beginning_of_time);
  if (!live(out.at, as_of)) {
    out.status = feature_status::outside_max_age;
    return out;
  }
  as_of = reading_time(out.at, as_of);
  auto places = std::pair{ratio.numerator.where, ratio.denominator.where};
  places.first.decay = places.second.decay = where.decay;
  // Two sums decay alike from the newer one's time: taken there, both are as large as can be.
  auto alike = places.first.from == source::sum && places.second.from == source::sum;
  auto moment = [&](const auto& x) {
    return alike && x && live(x->newest, as_of) ? out.at : as_of;
  };
  auto numerator = number_in(above, places.first, moment(above)).value_or(0);
  auto denominator = number_in(below, places.second, moment(below)).value_or(0);
  auto quotient = numerator / denominator;
  out.status = std::isfinite(quotient) ? feature_status::present : feature_status::null_value;
  if (out.status == feature_status::present)
    out.value = cell::real(quotient);
  return out;
}

void decayed_counters::read(const view_state& state, event_time as_of,
                            std::span<const uint32_t> wanted, std::span<feature_value> out,
                            arena& memory) const {
  const auto& own = static_cast<const counters_state&>(state);
  std::optional<reading> group;
  auto group_read = std::numeric_limits<uint32_t>::max();
  for (size_t i = 0; i < wanted.size(); ++i) {
    const auto& where = names_.feature_places[wanted[i]];
    if (where.from == source::ratio) {
      out[i] = ratio_of(own, where, as_of, memory);
      continue;
    }
    if (where.group != group_read) {
      group = resolve(own, {where.group, {}}, memory);
      group_read = where.group;
    }
    out[i] = feature_of(own, group, where, as_of);
  }
}

void decayed_counters::read_all(const view_state& state, event_time as_of, arena& memory,
                                feature_sink& sink) const {
  const auto& own = static_cast<const counters_state&>(state);
  if (open())
    read_open_groups(own, as_of, memory, sink);
  for (uint32_t i = 0; i < names_.features.size(); ++i) {
    feature_value value;
    read(state, as_of, {&i, 1}, {&value, 1}, memory);
    if (value.status != feature_status::not_found)
      sink.on_feature(names_.features[i].name, value);
  }
}

void decayed_counters::read_open_groups(const counters_state& state, event_time as_of,
                                        arena& memory, feature_sink& sink) const {
  std::string name;
  auto read_group = [&](const group_ref& group) {
    auto x = resolve(state, group, memory);
    for (const auto& value : names_.values) {
      auto read = feature_of(state, x, value.where, as_of);
      name.assign(group.text).append("_").append(value.name);
      if (read.status != feature_status::not_found)
        sink.on_feature(name, read);
    }
  };
  for (uint32_t i = 0; i < state.groups.size(); ++i)
    if (newest_of_group(layout_->groups, state.groups, i))
      read_group(state.groups.at(layout_->groups, i).group());
  for (uint32_t i = 0; i < state.windows.size(); ++i) {
    auto group = state.windows.at(layout_->windows, i).group();
    auto [first, last] = state.groups.find(layout_->groups, group);
    if (first == last && newest_of_group(layout_->windows, state.windows, i))
      read_group(group);
  }
}

} // namespace keyfold::counters
