#pragma once

#include "connectors/postgres/connection.hpp"
#include "connectors/postgres/table_layout.hpp"
#include "features/stream_schema.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace keyfold::postgres {

/// A table that rows are read from, and the columns wanted. Plain data.
struct table_settings {
  std::string name; ///< of the definition's table
  connection_settings connection;
  std::string table;                           ///< as in SQL
  std::shared_ptr<const stream_schema> schema; ///< a field per column; `path` is its name there
  std::vector<uint32_t> key;                   ///< fields
};

/// The name that a field has in the database.
const std::string& column_of(const stream_field& x) noexcept;

/// Whether values of a column can be read as the field; else a sentence with the remedy.
result<void> check_readable(const stream_field& field, const catalog_column& from);

/// Finds the table and compares it with what is wanted of it.
/// @return how the cells of a key are sent, in the key's order
outcome<std::vector<bound_column>> check_table(connection& with, const table_settings& x,
                                               catalog_table& found);

/// Reads the cells of a row, the texts of its columns: null is nullptr. False, and why, where one
/// of them is none of its field's type, or a required one is null.
/// @param skipped a field whose element is not 0 is left null, whatever its text; empty: none is
bool read_row(const stream_schema& schema, std::span<const char* const> texts,
              std::span<const int> sizes, arena& memory, std::vector<cell>& cells, std::string& why,
              std::span<const uint8_t> skipped = {});

} // namespace keyfold::postgres
