#pragma once

#include "features/event_time.hpp"

#include <chrono>
#include <span>

namespace keyfold {

/// What decides whether a partition is read now or waits for the others.
struct partition_progress_view {
  event_time newest = beginning_of_time;            ///< of the rows read so far
  bool caught_up = false;                           ///< nothing is left in it at present, or ever
  std::chrono::steady_clock::time_point heard_at{}; ///< when it last delivered anything
};

/// The event time beyond which partitions are not read for now: `max_lead` ahead of the one that is
/// furthest behind and has more to give. Otherwise a backlog whose partitions are of different
/// ages would be folded at the pace of the newest, while all the rows that wait for the watermark
/// pile up. A partition that has delivered nothing for `patience` (its broker is away, it may not
/// be read) is not waited for.
event_time read_limit(std::span<const partition_progress_view> partitions,
                      std::chrono::steady_clock::time_point now, duration max_lead,
                      std::chrono::milliseconds patience) noexcept;

} // namespace keyfold
