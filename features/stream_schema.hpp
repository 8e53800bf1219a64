#pragma once

#include "features/data_type.hpp"
#include "features/event_time.hpp"
#include "features/expression.hpp"

#include <optional>
#include <string>
#include <vector>

namespace keyfold {

/// How a timestamp is written where it is not an RFC 3339 text.
enum class timestamp_unit : uint8_t { rfc3339, seconds, milliseconds, microseconds, pattern };

/// A column of a stream's rows.
struct stream_field {
  std::string name;
  data_type type;
  bool nullable = true;
  std::vector<std::string> path; ///< in a JSON value; a column name in CSV; a part's name in text
  timestamp_unit unit = timestamp_unit::rfc3339; ///< of a timestamp
  std::string pattern;               ///< with `timestamp_unit::pattern`, e.g. `%Y-%m-%d %H:%M:%S`
  std::optional<expression> derived; ///< computed from the columns before it, not decoded
};

/// Which column of the record the time of an event is, and how far out of order it may be.
struct stream_time {
  std::optional<uint32_t> field; ///< a timestamp column; without: the source's own timestamp
  duration max_delay{0};
  std::chrono::milliseconds idle_after{
      5000}; ///< wall clock; a partition silent for longer holds nothing back
};

/// The rows of a stream: only what the definitions use. Immutable once the plan is made.
struct stream_schema {
  std::string name;
  std::vector<stream_field> fields; ///< decoded ones first, derived ones after them
  stream_time time;
  std::optional<expression> where; ///< rows for which it does not hold are left out, and counted

  std::optional<uint32_t> find(std::string_view field) const noexcept;
};

} // namespace keyfold
