#pragma once

#include "connectors/dynamodb/attribute.hpp"
#include "messages/change_log.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace keyfold::dynamodb {

/// An attribute of an item, or a member of a map in it. Plain data.
struct item_part {
  enum class kind : uint8_t {
    column,  ///< the value of a column
    columns, ///< the text of several, as a key's text is: joined by `|`
    text,    ///< always this string
    number,  ///< always this number
    map      ///< of `parts`
  };
  std::string name;
  kind is = kind::column;
  std::vector<std::string> columns;
  std::string literal;
  std::vector<item_part> parts;
};

/// What rows become. Plain data.
struct item_settings {
  std::vector<item_part> parts; ///< empty: the key columns, then the value's fields
  std::string partition_key;    ///< the attributes that are the table's key;
  std::string sort_key;         ///< empty: the table has no sort key
  std::string version;          ///< the attribute that holds the epoch; empty: none does
  timestamp_style timestamps = timestamp_style::rfc3339;
};

/// Writes rows as items in DynamoDB's JSON. Immutable, thread-safe.
class item_writer {
public:
  /// The most that an item may have, by DynamoDB's count.
  static constexpr size_t max_item_bytes = size_t{400} * 1024;

  /// An error says what of the settings does not fit the rows: unknown columns, key attributes that
  /// are missing, are of no key type, or do not tell all rows apart.
  static result<item_writer> make(const change_columns& columns, item_settings settings);

  /// Appends the item of an upsert, `{"user":{"S":"7"},…}`. An error says why DynamoDB would refuse
  /// it; what was appended then is to be thrown away. @pre `fits(x, columns)`
  result<void> write_item(const change& x, uint64_t epoch, std::string& out) const;
  /// Appends the key alone, in the same form.
  result<void> write_key(const change& x, std::string& out) const;

  /// An attribute of the table's key: its name and its type, `S`, `N` or `B`.
  struct key_attribute {
    std::string name;
    char type;
  };
  /// The partition key, then the sort key if there is one.
  const std::vector<key_attribute>& key() const noexcept { return key_; }

private:
  struct place {
    bool of_key = false;
    uint32_t column = 0;
    data_type type;
  };
  /// A part with where its columns are.
  struct prepared_part {
    std::string name;
    std::string quoted; ///< the name and a colon
    item_part::kind is = item_part::kind::column;
    std::vector<place> places;
    std::string literal; ///< the whole attribute value
    std::vector<prepared_part> parts;
    size_t most_bytes = 0; ///< of a part of the table's key; 0: it is none
  };

  item_writer() = default;
  static result<prepared_part> prepare(const item_part& x, const change_columns& columns);
  result<void> find_key(const std::string& name, size_t most_bytes, const change_columns& columns);
  result<void> check_distinct(const change_columns& columns) const;
  result<void> write_parts(const std::vector<prepared_part>& parts, const change& x,
                           std::string& out, size_t& size) const;
  result<void> write_part(const prepared_part& part, const change& x, std::string& out,
                          size_t& size) const;

  item_settings settings_;
  std::vector<prepared_part> parts_;
  std::vector<prepared_part> key_parts_;
  std::vector<key_attribute> key_;
};

} // namespace keyfold::dynamodb
