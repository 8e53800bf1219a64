#pragma once

#include <chrono>

namespace keyfold {

/// Length of event time, in microseconds.
using duration = std::chrono::microseconds;

/// Event time, UTC. Comes from the event; nothing in features/ reads a clock.
using event_time = std::chrono::sys_time<duration>;

/// Before every event: the watermark of a stream that has not begun.
inline constexpr event_time beginning_of_time = event_time::min();

/// After every event: the watermark of a stream that has ended, a timer that is not set.
inline constexpr event_time end_of_time = event_time::max();

/// `at - by`, stopping at the beginning of time; the ends of time stay where they are.
constexpr event_time earlier(event_time at, duration by) noexcept {
  if (at == end_of_time || at == beginning_of_time)
    return at;
  return at < beginning_of_time + by ? beginning_of_time : at - by;
}

/// `at + by`, stopping at the end of time; the ends of time stay where they are.
constexpr event_time later(event_time at, duration by) noexcept {
  if (at == end_of_time || at == beginning_of_time)
    return at;
  return at > end_of_time - by ? end_of_time : at + by;
}

} // namespace keyfold
