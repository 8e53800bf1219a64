#pragma once

#include "features/data_type.hpp"
#include "features/event_time.hpp"
#include "features/expression.hpp"
#include "features/lookup_table.hpp"

#include <memory>
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
  std::optional<uint32_t> lookup;    ///< looked up, not decoded: the number of its lookup
  /// It is known once so many lookups, the first ones, have been made.
  uint32_t stage = 0;

  bool decoded() const noexcept { return !derived && !lookup; }
};

/// Columns of a table that the rows of a stream are joined with when they are processed.
struct stream_lookup {
  std::shared_ptr<lookup_table> table;
  std::vector<uint32_t> key;     ///< columns of the rows, in the order of the table's key
  std::vector<uint32_t> fields;  ///< columns of the table
  std::vector<uint32_t> columns; ///< of the rows: where those go
  bool drop_missing = false;     ///< rows whose key is not found are left out; else: nulls
};

/// Which column of the record the time of an event is, and how far out of order it may be.
struct stream_time {
  std::optional<uint32_t> field; ///< a timestamp column; without: the source's own timestamp
  duration max_delay{0};
  std::chrono::milliseconds idle_after{
      5000}; ///< wall clock; a partition silent for longer holds nothing back
};

/// The fields that together are the key of an entity which the stream feeds.
struct stream_key {
  std::string entity;
  std::vector<uint32_t> columns; ///< in the order of the entity's key
};

/// The rows of a stream: only what the definitions use. Immutable once the plan is made.
struct stream_schema {
  std::string name;
  std::vector<stream_field> fields; ///< decoded ones first, then looked-up, then derived ones
  stream_time time;
  std::optional<expression> where;    ///< rows for which it does not hold are left out, and counted
  uint32_t where_stage = 0;           ///< as of a field: not 0 where it is about looked-up columns
  std::vector<stream_lookup> lookups; ///< made in this order, by a `lookup_join`
  /// Of the entities that a source's rows are routed to. A row that has none of these keys, or one
  /// that is too long, is not taken in. Empty: rows are taken whatever their keys.
  std::vector<stream_key> keys;
  uint64_t max_key_bytes = 1024; ///< of a key's text

  std::optional<uint32_t> find(std::string_view field) const noexcept;
};

} // namespace keyfold
