#pragma once

#include "connectors/formats/json_text.hpp"
#include "messages/change_log.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace keyfold {

/// How keys and values of changes are written.
enum class row_format : uint8_t { json, csv, avro };

/// What can be chosen of how values are written as text.
struct row_style {
  std::string list_separator;    ///< of CSV: lists are their items with this between them; empty:
                                 ///< JSON
  std::string timestamp_pattern; ///< see `timestamp_writer`; empty: RFC 3339
};

/// Writes the rows of one view. Immutable, thread-safe.
class row_writer {
public:
  virtual ~row_writer() = default;
  /// Appends the key columns to `out`. @pre one cell per key column
  virtual void write_key(std::span<const cell> key, std::string& out) const = 0;
  /// Appends the value's fields to `out`. @pre one cell per key column and per value column
  virtual void write_value(std::span<const cell> key, std::span<const cell> values,
                           std::string& out) const = 0;
  /// Whether the cells are of the columns' types; only writers whose bytes depend on it look.
  virtual bool takes(std::span<const cell>, std::span<const cell>) const { return true; }
};

/// What the value of such a row is made of: `columns.fields`, or where there are none all value
/// columns under their names.
std::vector<written_field> value_fields(const change_columns& columns);

/// Makes the writer of `columns`, of all formats but Avro: see avro/row_encoder.hpp.
///
/// JSON: an object with the columns' names in their order. Numbers are the shortest text that reads
/// back as the same number, 64-bit integers and decimals are exact, NaN and infinities are null,
/// bytes are base64, timestamps RFC 3339 in UTC.
/// CSV: the columns in their order, separated by commas, without a line end. RFC 4180 quoting, also
/// of fields with a space; null is an empty field, the empty string is `""`; lists and maps are
/// written as JSON.
/// @pre the pattern in `style` is one that can be written. It is for columns that are timestamps,
/// not for those in lists and maps.
std::unique_ptr<row_writer> make_row_writer(row_format format, const change_columns& columns,
                                            const row_style& style = {});

/// Appends one value as JSON, as `make_row_writer` says. @pre `value` is null or of `type`
void append_json_value(const cell& value, const data_type& type, std::string& out);
/// Appends `text` as a CSV field, quoted where `make_row_writer` says.
void append_csv_text(std::string_view text, std::string& out);
/// Appends one value as a CSV field.
void append_csv_value(const cell& value, const data_type& type, std::string& out);

} // namespace keyfold
