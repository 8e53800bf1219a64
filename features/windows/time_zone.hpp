#pragma once

#include "features/event_time.hpp"
#include "features/result.hpp"

#include <string_view>
#include <vector>

namespace keyfold {

/// What the clocks on the wall of a place show: UTC plus an offset that changes now and then. A
/// value.
struct time_zone {
  struct transition {
    event_time at;   ///< the offset is so from here on
    duration offset; ///< local time minus UTC
  };

  duration offset_before{0};           ///< before the first transition
  std::vector<transition> transitions; ///< ascending
};

/// Reads a file of the IANA time zone database as compiled by zic (RFC 8536, version 2 or later).
/// Rules for the years beyond those listed are expanded to the year 2400. Leap seconds are not
/// counted.
result<time_zone> parse_time_zone(std::string_view tzif);

} // namespace keyfold
