#pragma once

#include "features/event_time.hpp"
#include "features/windows/time_zone.hpp"

#include <cstdint>
#include <limits>
#include <vector>

namespace keyfold {

/// Time cut into buckets that begin when the clocks of a time zone show a multiple of a step: with
/// a step of a day, at local midnight. Buckets are numbered in their order, and have no gaps:
/// `[start(n), start(n + 1))`.
///
/// Where clocks are changed by a multiple of the step, every bucket is one step long. Elsewhere the
/// bucket is longer or shorter in which they are changed: a time that the clocks show twice belongs
/// to the bucket that it first was in, and a bucket whose local time is left out is empty.
/// Immutable.
class step_grid {
public:
  /// @pre `step` is more than 0 and at most 36,525 days
  step_grid(duration step, const time_zone& zone);

  duration step() const noexcept { return step_; }
  /// The number of the bucket that `at` is in. @pre not one of the ends of time
  int64_t bucket(event_time at) const noexcept;
  /// The first moment of a bucket.
  event_time start(int64_t bucket) const noexcept;
  /// The last moment of a bucket: the watermark that says that it is complete.
  event_time last(int64_t bucket) const noexcept { return start(bucket + 1) - duration{1}; }
  /// The newest bucket of which the watermark says that it is complete; the ends of time give the
  /// ends of the numbers.
  int64_t complete(event_time watermark) const noexcept;

  static constexpr int64_t none_complete = std::numeric_limits<int64_t>::min() / 2;
  static constexpr int64_t all_complete = std::numeric_limits<int64_t>::max() / 2;

private:
  /// A stretch of time with one offset.
  struct segment {
    event_time begin;
    duration offset;
    int64_t shift;   // what clocks have been changed by, as far as that was a multiple of the step
    int64_t reached; // no bucket here has a smaller number
    int64_t last;    // the number of the last bucket
  };

  int64_t local_bucket(event_time at, duration offset) const noexcept;
  int64_t bucket_in(const segment& x, event_time at) const noexcept;

  duration step_;
  duration offset_{0};            // where there are no segments
  std::vector<segment> segments_; // the first one begins with time
};

} // namespace keyfold
