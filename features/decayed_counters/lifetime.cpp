#include "features/decayed_counters/view.hpp"

#include <functional>
#include <tuple>

/// When things of a key begin and end. A group with a time to live ends where no event follows
/// another for that long, and begins anew with the next. Events need not arrive in order, so a
/// group may have several entries, one per stretch of events without such a silence, until the
/// watermark shows that a silence will stay one: nothing here depends on the order of arrival.
namespace keyfold::counters {

bool newest_of_group(const entry_layout& layout, const entry_block& block,
                     uint32_t place) noexcept {
  if (place + 1 == block.size())
    return true;
  auto mine = block.at(layout, place).group();
  auto next = block.at(layout, place + 1).group();
  return mine.id != next.id || mine.text != next.text;
}

event_time decayed_counters::window_start(event_time at) const noexcept {
  auto size = settings_.pre_aggregate->count();
  auto beyond = at.time_since_epoch().count() % size;
  return earlier(at, duration{beyond < 0 ? beyond + size : beyond});
}

event_time decayed_counters::fires_at(event_time start) const noexcept {
  return later(start, *settings_.pre_aggregate - duration{1});
}

event_time decayed_counters::ends_at(event_time newest) const noexcept {
  return later(newest, *settings_.time_to_live);
}

event_time decayed_counters::known_ended_at(event_time newest) const noexcept {
  auto end = ends_at(newest);
  if (!settings_.pre_aggregate)
    return end;
  // A window that began before the end may still turn out to have an event before it.
  return std::max(end, fires_at(window_start(earlier(end, duration{1}))));
}

bool decayed_counters::joins(const entry& x, event_time at) const noexcept {
  return !x.has(entry::gone) && at < ends_at(x.newest()) && ends_at(at) > x.start();
}

std::optional<uint32_t> decayed_counters::place_of(entry_block& block, const group_ref& group,
                                                   event_time at, event_time watermark,
                                                   bool bounded, fold_counts& counts) const {
  const auto& layout = layout_->groups;
  auto [first, last] = block.find(layout, group);
  if (first < last && !settings_.time_to_live)
    return first;
  if (last - first == 1 && joins(block.at(layout, first), at)) {
    auto& start = block.at(layout, first).start();
    start = std::min(start, at);
    return first;
  }
  if (first < last)
    return place_after_silence(block, group, at, watermark, bounded, counts);
  if (settings_.time_to_live && watermark != end_of_time && known_ended_at(at) <= watermark) {
    ++counts.late_dropped;
    return std::nullopt;
  }
  if (bounded && block.size() >= max_entries_) {
    ++counts.bound_reached;
    return std::nullopt;
  }
  auto made = block.insert(layout, first, group);
  made.newest() = at;
  if (settings_.time_to_live) {
    made.start() = at;
    block.wake(known_ended_at(at));
  }
  return first;
}

std::optional<uint32_t> decayed_counters::place_after_silence(entry_block& block,
                                                              const group_ref& group, event_time at,
                                                              event_time watermark, bool bounded,
                                                              fold_counts& counts) const {
  const auto& layout = layout_->groups;
  auto [first, last] = block.find(layout, group);
  while (first < last && !joins(block.at(layout, first), at))
    ++first;
  if (first < last) {
    auto beyond = first + 1;
    while (beyond < last && joins(block.at(layout, beyond), at))
      ++beyond;
    auto place = join(block, first, beyond);
    auto& start = block.at(layout, place).start();
    start = std::min(start, at);
    return place;
  }
  if (watermark != end_of_time && known_ended_at(at) <= watermark) {
    ++counts.late_dropped;
    return std::nullopt;
  }
  auto flags = forget_ended(block, group, watermark, counts);
  std::tie(first, last) = block.find(layout, group);
  if (bounded && first < last && block.size() >= max_entries_) {
    ++counts.bound_reached;
    if (at < block.at(layout, first).newest())
      return std::nullopt;
    flags |= block.at(layout, first).flags();
    block.erase(layout, first);
    --last;
  }
  while (first < last && block.at(layout, first).newest() < at)
    ++first;
  auto made = block.insert(layout, first, group);
  made.newest() = at;
  made.start() = at;
  made.set(flags);
  block.wake(known_ended_at(at));
  return first;
}

unsigned decayed_counters::forget_ended(entry_block& block, const group_ref& group,
                                        event_time watermark, fold_counts& counts) const {
  const auto& layout = layout_->groups;
  unsigned flags = 0;
  auto [first, last] = block.find(layout, group);
  while (first < last) {
    auto x = block.at(layout, first);
    auto ended = !x.has(entry::gone) && known_ended_at(x.newest()) <= watermark;
    if (!x.has(entry::gone) && !ended) {
      ++first;
      continue;
    }
    counts.expired += ended ? 1 : 0;
    flags |= x.flags();
    block.erase(layout, first);
    --last;
  }
  return flags & (entry::published | entry::collected);
}

uint32_t decayed_counters::join(entry_block& block, uint32_t first, uint32_t last) const {
  const auto& layout = layout_->groups;
  while (first + 1 < last) {
    auto into = block.at(layout, first);
    auto from = block.at(layout, first + 1);
    decayed_sums{rates_, into.newest(), into.sums()}.merge({rates_, from.newest(), from.sums()},
                                                           sums_);
    into.start() = std::min(into.start(), from.start());
    into.set(from.flags());
    for (uint32_t i = 0; i < exact_bounds_.size(); ++i)
      borrowed_distinct {
        into.distinct(i)
        } -> merge(*borrowed_distinct{from.distinct(i)}, exact_bounds_[i]);
    block.erase(layout, first + 1);
    --last;
  }
  return first;
}

void decayed_counters::advance(view_state& state, fold_context& context) const {
  auto& own = static_cast<counters_state&>(state);
  if (own.windows.wake_at() <= context.watermark)
    fire_windows(own, context);
  // The end of the events is not the end of time: what they left behind can still be read.
  if (settings_.time_to_live && context.watermark != end_of_time
      && own.groups.wake_at() <= context.watermark)
    expire(own, context);
  set_wakes(own);
  if (context.watermark != end_of_time)
    report(own, context);
}

void decayed_counters::fire_windows(counters_state& state, fold_context& context) const {
  const auto& layout = layout_->windows;
  auto& windows = state.windows;
  auto* order =
      reinterpret_cast<uint32_t*>(context.scratch->allocate(windows.size() * sizeof(uint32_t)));
  auto* end = order;
  for (uint32_t i = 0; i < windows.size(); ++i)
    if (fires_at(windows.at(layout, i).start()) <= context.watermark)
      *end++ = i;
  auto by_time = [&](uint32_t a, uint32_t b) {
    return std::pair{windows.at(layout, a).start(), a}
           < std::pair{windows.at(layout, b).start(), b};
  };
  std::sort(order, end, by_time);
  for (auto* i = order; i != end; ++i)
    fire(state, windows.at(layout, *i), context);
  std::sort(order, end, std::greater<>{});
  for (auto* i = order; i != end; ++i)
    windows.erase(layout, *i);
}

void decayed_counters::fire(counters_state& state, const entry& window,
                            fold_context& context) const {
  // Room was made sure of when the window was opened, and what it holds was not late then.
  auto place = place_of(state.groups, window.group(), window.newest(), beginning_of_time, false,
                        *context.counts);
  if (!place)
    return;
  auto to = state.groups.at(layout_->groups, *place);
  decayed_sums{rates_, to.newest(), to.sums()}.add(window.newest(), {window.sums(), sums_});
  for (uint32_t i = 0; i < exact_bounds_.size(); ++i)
    borrowed_distinct {
      to.distinct(i)
      } -> merge(*borrowed_distinct{window.distinct(i)}, exact_bounds_[i]);
  touch(state.groups, *place, context);
}

void decayed_counters::expire(counters_state& state, fold_context& context) const {
  const auto& layout = layout_->groups;
  auto& groups = state.groups;
  for (uint32_t place = 0; place < groups.size();) {
    auto x = groups.at(layout, place);
    if (x.has(entry::gone) || known_ended_at(x.newest()) > context.watermark) {
      ++place;
      continue;
    }
    ++context.counts->expired;
    if (!newest_of_group(layout, groups, place)) {
      groups.at(layout, place + 1).set(x.flags() & (entry::published | entry::collected));
      groups.erase(layout, place);
      continue;
    }
    auto end = ends_at(x.newest());
    if (context.changes != nullptr && x.has(entry::published))
      context.changes->erase(groups_.cells(x.group(), *context.scratch), end);
    if (!x.has(entry::collected)) {
      groups.erase(layout, place);
      continue;
    }
    x.set(entry::gone);
    x.start() = end;
    ++place;
  }
}

void decayed_counters::set_wakes(counters_state& state) const noexcept {
  auto wake = end_of_time;
  for (uint32_t i = 0; i < state.windows.size(); ++i)
    wake = std::min(wake, fires_at(state.windows.at(layout_->windows, i).start()));
  state.windows.set_wake(wake);
  if (!settings_.time_to_live)
    return;
  wake = end_of_time;
  for (uint32_t i = 0; i < state.groups.size(); ++i) {
    auto x = state.groups.at(layout_->groups, i);
    if (!x.has(entry::gone))
      wake = std::min(wake, known_ended_at(x.newest()));
  }
  state.groups.set_wake(wake);
}

} // namespace keyfold::counters
