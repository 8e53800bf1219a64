#pragma once

#include "features/result.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace keyfold {

/// An upsert, a delete or an event as it stands in an output.
struct table_change {
  std::string view; ///< or the event's stream; empty where the output has one only
  nlohmann::ordered_json key;
  nlohmann::ordered_json value; ///< null: a delete
  bool event = false;           ///< of a stream: without a key, it replaces nothing
};

/// Reads a record of a topic. JSON objects and CSV both are recognised by their looks; the columns
/// of CSV are named `key`, `value`, or `key1`, `key2` ….
/// @param key nothing: the record is an event
/// @param value nothing: a tombstone
/// @param events every record is an event, those with a key too
result<table_change> read_topic_change(std::optional<std::string_view> key,
                                       std::optional<std::string_view> value, bool events = false);

/// Reads the lines that the file output writes (see docs/connectors): JSON, or CSV with its header.
class change_line_parser {
public:
  /// @param key_columns how many of a CSV line's columns are the key
  /// @param events all lines are events; otherwise those of JSON that have not both `key` and
  /// `value` are
  explicit change_line_parser(size_t key_columns, bool events = false)
      : key_columns_(key_columns), events_(events) {}
  /// Nothing for the header.
  result<std::optional<table_change>> parse(std::string_view line);

private:
  result<std::optional<table_change>> parse_csv(std::string_view line);
  result<std::optional<table_change>> parse_csv_event(std::vector<std::string> fields);

  size_t key_columns_;
  bool events_;
  std::vector<std::string> columns_;
};

/// The rows that upserts and deletes leave, in key order: numbers by value, texts by their bytes;
/// and the newest events.
class materialised_table {
public:
  /// More events than this are not kept: the oldest go.
  static constexpr size_t max_events = 1000;

  void apply(table_change x);
  /// Of the rows, without events.
  size_t size() const noexcept { return rows_.size(); }
  /// Aligned columns: key, then value; a table for each view where there are several. Then the
  /// events, in their order, a table for each stream, with a line on how many are left out.
  std::string text() const;
  /// A JSON object per row and line: `{"key":{…},"value":{…}}`, before them `"view"` where there
  /// are several.
  std::string json_lines() const;

private:
  struct row_name {
    std::string view;
    std::vector<nlohmann::json> order; // of the key's fields
    std::string exact;                 // "1" and "1.0" are different keys, though equal in order
    friend bool operator<(const row_name& a, const row_name& b) {
      if (a.view != b.view)
        return a.view < b.view;
      return a.order != b.order ? a.order < b.order : a.exact < b.exact;
    }
  };
  std::map<row_name, table_change> rows_;
  std::deque<table_change> events_; // the newest
  uint64_t left_out_ = 0;           // events before them
};

/// `x` as the file output would write it, with its line end.
std::string json_line(const table_change& x);

} // namespace keyfold
