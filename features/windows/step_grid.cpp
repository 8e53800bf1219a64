#include "features/windows/step_grid.hpp"

#include <algorithm>

namespace keyfold {

namespace {

int64_t floor_divide(int64_t a, int64_t b) noexcept {
  auto quotient = a / b;
  return a % b < 0 ? quotient - 1 : quotient;
}

duration remainder(duration x, duration step) noexcept {
  return x - step * floor_divide(x.count(), step.count());
}

} // namespace

step_grid::step_grid(duration step, const time_zone& zone)
    : step_(step), offset_(zone.offset_before) {
  auto differs = [&](const auto& x) {
    return remainder(x.offset, step) != remainder(zone.offset_before, step);
  };
  if (std::none_of(zone.transitions.begin(), zone.transitions.end(), differs))
    return;
  constexpr auto none = std::numeric_limits<int64_t>::min();
  constexpr auto all = std::numeric_limits<int64_t>::max();
  segments_.push_back({beginning_of_time, zone.offset_before, 0, none, all});
  for (const auto& x : zone.transitions) {
    auto& before = segments_.back();
    before.last = bucket_in(before, x.at - duration{1});
    auto change = x.offset - before.offset;
    auto shift = before.shift - (change % step == duration{0} ? change / step : 0);
    segments_.push_back({x.at, x.offset, shift, before.last, all});
  }
}

int64_t step_grid::local_bucket(event_time at, duration offset) const noexcept {
  return floor_divide((at.time_since_epoch() + offset).count(), step_.count());
}

int64_t step_grid::bucket_in(const segment& x, event_time at) const noexcept {
  return std::max(x.reached, local_bucket(at, x.offset) + x.shift);
}

int64_t step_grid::bucket(event_time at) const noexcept {
  if (segments_.empty())
    return local_bucket(at, offset_);
  auto after = std::upper_bound(segments_.begin() + 1, segments_.end(), at,
                                [](auto time, const auto& x) { return time < x.begin; });
  return bucket_in(*(after - 1), at);
}

event_time step_grid::start(int64_t bucket) const noexcept {
  if (segments_.empty())
    return event_time{step_ * bucket} - offset_;
  auto in = std::lower_bound(segments_.begin(), segments_.end(), bucket,
                             [](const auto& x, auto wanted) { return x.last < wanted; });
  return std::max(in->begin, event_time{step_ * (bucket - in->shift)} - in->offset);
}

int64_t step_grid::complete(event_time watermark) const noexcept {
  if (watermark == beginning_of_time)
    return none_complete;
  if (watermark == end_of_time)
    return all_complete;
  return bucket(watermark + duration{1}) - 1;
}

} // namespace keyfold
