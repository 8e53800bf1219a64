#include "features/decayed_counters/view.hpp"

#include <cmath>

/// The state as bytes: the number of groups, each a reference (the place in a closed set, nothing
/// where there is only one group, else the text), flags, the newest event's time, with a time to
/// live the oldest's distance from it, the sums and the distinct counters; then, in a view with
/// pre-aggregation, the same for the open windows, each with its start and a sum per measure.
namespace keyfold::counters {

namespace {

constexpr unsigned kept_flags = entry::published | entry::collected;

bool is_known(event_time at) noexcept {
  return at != beginning_of_time && at != end_of_time;
}

} // namespace

void decayed_counters::encode(const view_state& state, byte_writer& out) const {
  const auto& own = static_cast<const counters_state&>(state);
  uint32_t size = 0;
  for (uint32_t i = 0; i < own.groups.size(); ++i)
    size += own.groups.at(layout_->groups, i).has(entry::gone) ? 0 : 1;
  out.varint(size);
  for (uint32_t i = 0; i < own.groups.size(); ++i) {
    auto x = own.groups.at(layout_->groups, i);
    if (x.has(entry::gone))
      continue;
    encode_ref(x, out);
    out.u8(static_cast<uint8_t>(x.flags() & kept_flags));
    out.time(x.newest());
    if (settings_.time_to_live)
      out.varint(static_cast<uint64_t>((x.newest() - x.start()).count()));
    encode_values(x, out);
  }
  if (!settings_.pre_aggregate)
    return;
  out.varint(own.windows.size());
  for (uint32_t i = 0; i < own.windows.size(); ++i) {
    auto x = own.windows.at(layout_->windows, i);
    encode_ref(x, out);
    out.time(x.newest());
    encode_values(x, out);
  }
}

void decayed_counters::encode_ref(const entry& x, byte_writer& out) const {
  if (open())
    out.text(x.text());
  else if (groups_.size() > 1)
    out.varint(x.id());
}

void decayed_counters::encode_values(const entry& x, byte_writer& out) const {
  for (uint32_t i = 0; i < x.layout().sums(); ++i)
    out.f64(x.sums()[i]);
  for (uint32_t i = 0; i < x.layout().distincts(); ++i)
    borrowed_distinct {
      x.distinct(i)
      } -> encode(out);
}

std::unique_ptr<view_state> decayed_counters::decode(byte_reader& in, fold_context& context) const {
  auto state = make_state();
  auto& own = static_cast<counters_state&>(*state);
  auto size = in.varint();
  for (uint64_t i = 0; i < size; ++i)
    if (!decode_group(own.groups, in))
      return nullptr;
  auto windows = settings_.pre_aggregate ? in.varint() : 0;
  for (uint64_t i = 0; i < windows; ++i)
    if (!decode_window(own.windows, in))
      return nullptr;
  if (!in.good())
    return nullptr;
  set_wakes(own);
  report(own, context);
  return state;
}

std::optional<group_ref> decayed_counters::decode_ref(byte_reader& in) const {
  if (open()) {
    auto text = in.text();
    return in.good() ? groups_.find(text) : std::nullopt;
  }
  auto id = groups_.size() > 1 ? in.varint() : 0;
  if (!in.good() || id >= groups_.size())
    return std::nullopt;
  return group_ref{static_cast<uint32_t>(id), {}};
}

bool decayed_counters::decode_group(entry_block& block, byte_reader& in) const {
  const auto& layout = layout_->groups;
  auto ref = decode_ref(in);
  auto flags = in.u8();
  auto newest = in.time();
  auto age = settings_.time_to_live ? in.varint() : 0;
  if (!ref || !in.good() || (flags & ~kept_flags) != 0 || !is_known(newest)
      || age >= static_cast<uint64_t>(newest.time_since_epoch().count())
                    - static_cast<uint64_t>(beginning_of_time.time_since_epoch().count()))
    return false;
  auto start = newest - duration{static_cast<int64_t>(age)};
  auto [first, last] = block.find(layout, *ref);
  // The stretches of a group follow one another.
  if (first < last && (!settings_.time_to_live || block.at(layout, last - 1).newest() >= start))
    return false;
  auto x = block.insert(layout, last, *ref);
  x.newest() = newest;
  x.set(flags);
  if (settings_.time_to_live)
    x.start() = start;
  return decode_values(x, in);
}

bool decayed_counters::decode_window(entry_block& block, byte_reader& in) const {
  const auto& layout = layout_->windows;
  auto ref = decode_ref(in);
  auto newest = in.time();
  if (!ref || !in.good() || !is_known(newest))
    return false;
  auto start = window_start(newest);
  auto [first, last] = block.find(layout, *ref);
  if (first < last && block.at(layout, last - 1).start() >= start)
    return false;
  auto x = block.insert(layout, last, *ref);
  x.newest() = newest;
  x.start() = start;
  return decode_values(x, in);
}

bool decayed_counters::decode_values(const entry& x, byte_reader& in) const {
  for (uint32_t i = 0; i < x.layout().sums(); ++i) {
    x.sums()[i] = in.f64();
    if (!std::isfinite(x.sums()[i]))
      return false;
  }
  for (uint32_t i = 0; i < x.layout().distincts(); ++i) {
    auto counter = distinct_counter::decode(in, exact_bounds_[i]);
    if (!counter)
      return false;
    x.distinct(i) = counter->release();
  }
  return in.good();
}

} // namespace keyfold::counters
