#include "features/addend_in.hpp"
#include "features/decayed_counters/view.hpp"

#include <cmath>

namespace keyfold::counters {

using function = decayed_counters_settings::function;

void decayed_counters::fold(view_state& state, uint32_t input, const event_batch& batch,
                            std::span<const uint32_t> rows, fold_context& context) const {
  auto& own = static_cast<counters_state&>(state);
  row_values values;
  for (auto row : rows) {
    auto before = context.scratch->now();
    fold_row(own, input, batch.row(row), batch.time(row), values, context);
    context.scratch->rewind(before);
  }
  report(own, context);
}

void decayed_counters::report(counters_state& state, fold_context& context) const noexcept {
  context.wake(std::min(state.groups.wake_at(), state.windows.wake_at()));
}

void decayed_counters::fold_row(counters_state& state, uint32_t input, std::span<const cell> row,
                                event_time at, row_values& values, fold_context& context) const {
  const auto& from = settings_.inputs[input];
  if (from.where && !from.where->holds(row, *context.scratch))
    return;
  group_ref group;
  switch (groups_.find(row, from.group_columns, values.text, group)) {
  case group_directory::outcome::found:
    break;
  case group_directory::outcome::left_out:
    return;
  case group_directory::outcome::no_group:
    ++context.counts->skipped;
    return;
  case group_directory::outcome::too_long:
    ++context.counts->bound_reached;
    return;
  }
  if (!weigh(input, row, values, context))
    return;
  auto late = is_late(at, context.watermark);
  if (late) {
    ++context.counts->late;
    if (settings_.late == decayed_counters_settings::late_rows::drop) {
      ++context.counts->late_dropped;
      return;
    }
  }
  contribution x{at, {values.weights.data(), sums_}, values.hashes, values.has_hash};
  auto folded = settings_.pre_aggregate && !late ? fold_into_window(state, group, x, context)
                                                 : fold_into_group(state, group, x, context);
  if (folded)
    ++context.counts->rows;
}

bool decayed_counters::weigh(uint32_t input, std::span<const cell> row, row_values& values,
                             fold_context& context) const {
  const auto& expressions = settings_.inputs[input].measures;
  auto* weight = values.weights.data();
  uint32_t distinct = 0;
  auto any = false;
  values.has_hash = 0;
  for (size_t i = 0; i < settings_.measures.size(); ++i) {
    auto what = settings_.measures[i].function;
    if (what == function::count) {
      *weight++ = 1;
      any = true;
      continue;
    }
    auto value = expressions[i]->evaluate(row, *context.scratch);
    auto good = !value.is_null();
    if (what == function::sum) {
      auto number = addend_in(value);
      good = number.has_value();
      *weight++ = number.value_or(0);
    } else {
      values.hashes[distinct] = distinct_hash(value);
      values.has_hash |= good ? 1u << distinct : 0u;
      ++distinct;
    }
    any |= good;
    if (!good)
      ++context.counts->skipped;
  }
  return any;
}

bool decayed_counters::is_late(event_time at, event_time watermark) const noexcept {
  if (settings_.pre_aggregate)
    return fires_at(window_start(at)) <= watermark;
  return at <= watermark;
}

void decayed_counters::add_distinct(const entry& to, const contribution& x) const {
  for (uint32_t i = 0; i < exact_bounds_.size(); ++i)
    if ((x.has_hash & (1u << i)) != 0)
      borrowed_distinct {
        to.distinct(i)
        } -> add(x.hashes[i], exact_bounds_[i]);
}

bool decayed_counters::fold_into_group(counters_state& state, const group_ref& group,
                                       const contribution& x, fold_context& context) const {
  auto place = place_of(state.groups, group, x.at, context.watermark, true, *context.counts);
  if (!place)
    return false;
  auto to = state.groups.at(layout_->groups, *place);
  decayed_sums{rates_, to.newest(), to.sums()}.add(x.at, x.weights);
  add_distinct(to, x);
  touch(state.groups, *place, context);
  return true;
}

bool decayed_counters::fold_into_window(counters_state& state, const group_ref& group,
                                        const contribution& x, fold_context& context) const {
  const auto& layout = layout_->windows;
  auto start = window_start(x.at);
  auto [place, last] = state.windows.find(layout, group);
  while (place < last && state.windows.at(layout, place).start() < start)
    ++place;
  auto found = place < last && state.windows.at(layout, place).start() == start;
  if (!found) {
    if (!room_for_group(state, group)) {
      ++context.counts->bound_reached;
      return false;
    }
    if (state.windows.size() >= settings_.max_open_windows) {
      ++context.counts->bound_reached;
      return fold_into_group(state, group, x, context);
    }
    auto made = state.windows.insert(layout, place, group);
    made.newest() = x.at;
    made.start() = start;
    state.windows.wake(fires_at(start));
  }
  auto window = state.windows.at(layout, place);
  window.newest() = std::max(window.newest(), x.at);
  for (uint32_t i = 0; i < sums_; ++i)
    window.sums()[i] = bounded_sum(window.sums()[i] + x.weights[i]);
  add_distinct(window, x);
  return true;
}

bool decayed_counters::room_for_group(const counters_state& state,
                                      const group_ref& group) const noexcept {
  const auto& groups = state.groups;
  const auto& windows = state.windows;
  if (groups.size() + windows.size() < max_entries_)
    return true;
  auto known = [](const auto& range) { return range.first != range.second; };
  if (known(groups.find(layout_->groups, group)) || known(windows.find(layout_->windows, group)))
    return true;
  // Groups that only have windows so far will need room as well.
  auto needed = groups.size();
  for (uint32_t i = 0; i < windows.size(); ++i)
    if (newest_of_group(layout_->windows, windows, i)
        && !known(groups.find(layout_->groups, windows.at(layout_->windows, i).group())))
      ++needed;
  return needed < max_entries_;
}

} // namespace keyfold::counters
