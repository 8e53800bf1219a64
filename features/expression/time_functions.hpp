#pragma once

#include "features/expression/node.hpp"

#include <optional>
#include <string_view>

namespace keyfold::expressions {

/// Steps of time. Those up to the week have one length; weeks begin on Monday.
enum class time_unit : uint8_t {
  microsecond,
  millisecond,
  second,
  minute,
  hour,
  day,
  week,
  month,
  quarter,
  year,
};

/// What EXTRACT takes out of a timestamp, in UTC.
enum class time_field : uint8_t {
  year,
  quarter,
  month,
  week, ///< of ISO 8601
  day,
  hour,
  minute,
  second,
  millisecond, ///< of the second
  microsecond, ///< of the second
  day_of_week, ///< 0 is Sunday
  day_of_year, ///< from 1
  epoch,       ///< seconds since 1970
};

/// In any case of letters, with or without an `s` at the end.
std::optional<time_unit> time_unit_of(std::string_view name) noexcept;
std::optional<time_field> time_field_of(std::string_view name) noexcept;

/// The names that `time_unit_of` and `time_field_of` know, for messages.
std::string_view time_unit_names() noexcept;
std::string_view time_field_names() noexcept;

node extract_node(time_field field, node timestamp);
/// The beginning of the unit that the timestamp is in.
node truncate_node(time_unit unit, node timestamp);
/// A month later is the same day of the next month, or its last day.
node add_time_node(time_unit unit, node count, node timestamp);
/// Whole units from the first timestamp to the second.
node time_difference_node(time_unit unit, node from, node to);

} // namespace keyfold::expressions
