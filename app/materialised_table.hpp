#pragma once

#include "features/result.hpp"

#include <cstddef>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace keyfold {

/// An upsert or a delete as it stands in an output.
struct table_change {
  std::string view; ///< empty where the output has one view
  nlohmann::ordered_json key;
  nlohmann::ordered_json value; ///< null: a delete
};

/// Reads a record of an upsert topic. JSON objects and CSV both are recognised by their looks; the
/// columns of CSV are named `key`, `value`, or `key1`, `key2` ….
/// @param value nothing: a tombstone
result<table_change> read_topic_change(std::string_view key, std::optional<std::string_view> value);

/// Reads the lines that the file output writes (see docs/connectors): JSON, or CSV with its header.
class change_line_parser {
public:
  /// @param key_columns how many of a CSV line's columns are the key
  explicit change_line_parser(size_t key_columns) : key_columns_(key_columns) {}
  /// Nothing for the header.
  result<std::optional<table_change>> parse(std::string_view line);

private:
  result<std::optional<table_change>> parse_csv(std::string_view line);

  size_t key_columns_;
  std::vector<std::string> columns_;
};

/// The rows that upserts and deletes leave, in key order: numbers by value, texts by their bytes.
class materialised_table {
public:
  void apply(table_change x);
  size_t size() const noexcept { return rows_.size(); }
  /// Aligned columns: key, then value; a table for each view where there are several.
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
};

/// `x` as the file output would write it.
std::string json_line(const table_change& x);

} // namespace keyfold
