#pragma once

#include "features/event_time.hpp"
#include "features/result.hpp"
#include "features/stream_schema.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace keyfold {

/// The first and the last moment a timestamp may name: the years 1 to 9999, which RFC 3339 can
/// write. What is read is never outside.
inline constexpr event_time earliest_timestamp{
    std::chrono::sys_days{std::chrono::year{1} / std::chrono::January / 1}};
inline constexpr event_time latest_timestamp =
    event_time{std::chrono::sys_days{std::chrono::year{10000} / std::chrono::January / 1}}
    - duration{1};

/// Whether `at` is a moment that a timestamp may name.
constexpr bool is_timestamp(event_time at) noexcept {
  return at >= earliest_timestamp && at <= latest_timestamp;
}

/// Reads a timestamp written as text. Strict: nothing may follow it. Allocates only to report an
/// error. Digits beyond microseconds are cut off.
///
/// - `rfc3339`: `2024-02-29T23:59:59.25Z`; the zone is required, a space may stand for the `T`.
/// - `seconds`, `milliseconds`, `microseconds`: since 1970, a fraction is allowed.
/// - `pattern`: see `check_timestamp_pattern`; UTC where the pattern reads no zone.
result<event_time> parse_timestamp(std::string_view text, timestamp_unit unit,
                                   std::string_view pattern = {});

/// As `parse_timestamp`, for those who need no reason.
std::optional<event_time> read_timestamp(std::string_view text, timestamp_unit unit,
                                         std::string_view pattern = {}) noexcept;

/// A timestamp written as a number of `unit`s since 1970. @pre `unit` is a unit of time
result<event_time> timestamp_from_number(int64_t count, timestamp_unit unit);
/// As above; rounded to the nearest microsecond.
result<event_time> timestamp_from_number(double count, timestamp_unit unit);

/// As above, for those who need no reason. @pre `unit` is a unit of time
std::optional<event_time> timestamp_of_count(int64_t count, timestamp_unit unit) noexcept;

/// Whether `pattern` can be read with, and names a whole date; if not, why. Two dialects:
///
/// - with `%`: `%Y %y %m %d %e %j %H %I %p %M %S %f %z %Z %b %B %a %A %F %T %s %%`, of strptime;
///   `%f` takes one to nine digits of a fraction, `%s` the seconds since 1970.
/// - without: Java's letters `y u M d D H h a m s S E X x Z z`, their count giving the digits, and
///   literal text between `'`.
///
/// Names of months and days are English; everything else must match literally.
result<void> check_timestamp_pattern(std::string_view pattern);

/// Appends `2024-02-29T23:59:59Z`, with as many digits of a fraction (none, 3 or 6) as it needs.
/// Moments that are no timestamp are written as the nearest one.
void append_rfc3339(event_time at, std::string& out);
std::string format_rfc3339(event_time at);

} // namespace keyfold
