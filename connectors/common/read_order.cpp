#include "connectors/common/read_order.hpp"

#include <algorithm>

namespace keyfold {

event_time read_limit(std::span<const partition_progress_view> partitions,
                      std::chrono::steady_clock::time_point now, duration max_lead,
                      std::chrono::milliseconds patience) noexcept {
  auto furthest_behind = end_of_time;
  for (const auto& x : partitions)
    if (!x.caught_up && now - x.heard_at < patience)
      furthest_behind = std::min(furthest_behind, x.newest);
  // Of a partition that has given nothing yet the first rows say how far behind it is: until then
  // the limit is the beginning of time.
  return later(furthest_behind, max_lead);
}

} // namespace keyfold
