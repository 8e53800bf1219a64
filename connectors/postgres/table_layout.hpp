#pragma once

#include "connectors/postgres/value_encoding.hpp"
#include "features/result.hpp"
#include "messages/change_log.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace keyfold::postgres {

/// A column of a table as the catalogue describes it.
struct catalog_column {
  std::string name;
  uint32_t type_oid = 0; ///< of a domain: of what is below it
  std::string type_name; ///< as in SQL: `numeric(5,2)`
  int32_t modifier = -1; ///< of the type, as the catalogue keeps it
  bool enumeration = false;
  bool required = false;  ///< not null, and nothing is put there by default
  bool generated = false; ///< cannot be written
};

/// A table as the catalogue describes it.
struct catalog_table {
  std::string schema;
  std::string name;
  char kind = 'r'; ///< as in pg_class: r, p (partitioned), v, f …
  bool may_insert = true;
  bool may_update = true;
  bool may_select = true;
  bool may_delete = true;
  std::vector<catalog_column> columns;
  std::vector<std::vector<std::string>> unique_keys; ///< columns of each index that is an arbiter

  std::string full_name() const { return schema + "." + name; }
};

/// A column that an output writes, and where its cells are in a change.
struct written_column {
  std::string name;
  data_type type;
  bool of_key = false; ///< of the change's key cells, else of its values
  uint32_t place = 0;
  bool is_key = false; ///< rows are told apart by it
};

/// The columns that an output writes of what it receives, those of the key first. The rows of a
/// view have the key of its entity and group; events have the output's `key`, or none: then they
/// are appended. An error names a column of the key that `fields` leaves out.
result<std::vector<written_column>> written_columns(const change_columns& columns);

/// A column of the table that is written, and how.
struct bound_column {
  written_column from;
  encoding as = encoding::text;
  std::string cast; ///< to be written behind the value in SQL: `::uuid`; empty: the table's own
};

/// How `from` is written to `to`; an error is a sentence about the two that names the remedy.
/// Accepted is what loses nothing unnoticed: a value that is out of range is refused row by row.
result<bound_column> bind_column(const written_column& from, const catalog_column& to,
                                 std::string_view table);

/// How all of `columns` are written; the first that is wrong, with the remedy: kind of table,
/// rights, a missing column, a type, a column that needs a value, no unique key.
result<std::vector<bound_column>> bind_columns(const std::vector<written_column>& columns,
                                               const catalog_table& table);

/// The type that a created table has for `type`.
std::string sql_type_of(const data_type& type);

/// The statements of an output. @param table as SQL has its name
std::string create_table_sql(std::string_view table, const std::vector<written_column>& columns);
/// Parameters: an array per column. With a key it upserts, without it appends.
std::string upsert_sql(const catalog_table& table, const std::vector<bound_column>& columns);
/// Parameters: an array per column of the key.
std::string delete_sql(const catalog_table& table, const std::vector<bound_column>& columns);

} // namespace keyfold::postgres
