#pragma once

#include "features/event_time.hpp"

#include <chrono>
#include <map>
#include <string>

namespace keyfold {

/// The watermark of a stream, from the progress of its partitions: the minimum over those that are
/// neither idle nor ended of (newest event time − max delay − 1 µs): everything up to and including
/// it has arrived, while another event of the newest time may yet follow. When all are idle, none
/// holds another back: the maximum. When all have ended: the end of time. Never goes back. The wall
/// clock comes in as an argument, as time since any fixed moment.
class watermark_tracker {
public:
  using wall_time = std::chrono::nanoseconds;

  watermark_tracker(duration max_delay, std::chrono::milliseconds idle_after)
      : max_delay_(max_delay), idle_after_(idle_after) {}

  /// It had come this far in an earlier run: it does not go back behind that.
  void restore(event_time watermark) { watermark_ = std::max(watermark_, watermark); }
  /// A partition is being read; until it shows an event or is idle it holds the watermark back.
  void add(const std::string& partition, wall_time now);
  void remove(const std::string& partition);
  /// The partition brought records up to `max_time`.
  void observe(const std::string& partition, event_time max_time, wall_time now);
  /// The partition may hold records that have not been read: it is not idle, and will not be until
  /// `idle_after` from now. One that was never added is left alone.
  void wait_for(const std::string& partition, wall_time now);
  void end(const std::string& partition);

  event_time watermark(wall_time now);
  /// Newest event time over all partitions.
  event_time newest() const noexcept { return newest_; }
  /// How many partitions are idle.
  size_t idle(wall_time now) const;
  bool ended() const noexcept;
  /// All that have not ended are idle: what the watermark waits for may not come for long.
  bool silent(wall_time now) const;

private:
  struct partition_time {
    event_time max_time = beginning_of_time;
    wall_time active_at;
    bool ended = false;
  };

  bool is_idle(const partition_time& x, wall_time now) const {
    return now - x.active_at >= idle_after_;
  }

  duration max_delay_;
  std::chrono::milliseconds idle_after_;
  std::map<std::string, partition_time> partitions_;
  event_time newest_ = beginning_of_time;
  event_time watermark_ = beginning_of_time;
};

} // namespace keyfold
