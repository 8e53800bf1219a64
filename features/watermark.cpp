#include "features/watermark.hpp"

#include <algorithm>

namespace keyfold {

void watermark_tracker::add(const std::string& partition, wall_time now) {
  partitions_.try_emplace(partition, partition_time{beginning_of_time, now, false});
}

void watermark_tracker::remove(const std::string& partition) {
  partitions_.erase(partition);
}

void watermark_tracker::observe(const std::string& partition, event_time max_time, wall_time now) {
  auto& x = partitions_[partition];
  x.max_time = std::max(x.max_time, max_time);
  x.active_at = now;
  x.ended = false;
  newest_ = std::max(newest_, max_time);
}

void watermark_tracker::wait_for(const std::string& partition, wall_time now) {
  if (auto found = partitions_.find(partition); found != partitions_.end())
    found->second.active_at = now;
}

void watermark_tracker::end(const std::string& partition) {
  partitions_[partition].ended = true;
}

bool watermark_tracker::ended() const noexcept {
  return !partitions_.empty()
         && std::all_of(partitions_.begin(), partitions_.end(),
                        [](const auto& x) { return x.second.ended; });
}

event_time watermark_tracker::watermark(wall_time now) {
  if (ended())
    return watermark_ = end_of_time;
  auto lowest = end_of_time;
  auto highest = beginning_of_time;
  for (const auto& [name, x] : partitions_) {
    if (x.ended)
      continue;
    auto reached = earlier(x.max_time, max_delay_ + duration{1});
    highest = std::max(highest, reached);
    if (!is_idle(x, now))
      lowest = std::min(lowest, reached);
  }
  watermark_ = std::max(watermark_, lowest == end_of_time ? highest : lowest);
  return watermark_;
}

bool watermark_tracker::silent(wall_time now) const {
  return !partitions_.empty() && !ended()
         && std::all_of(partitions_.begin(), partitions_.end(),
                        [&](const auto& x) { return x.second.ended || is_idle(x.second, now); });
}

size_t watermark_tracker::idle(wall_time now) const {
  return static_cast<size_t>(
      std::count_if(partitions_.begin(), partitions_.end(),
                    [&](const auto& x) { return !x.second.ended && is_idle(x.second, now); }));
}

} // namespace keyfold
