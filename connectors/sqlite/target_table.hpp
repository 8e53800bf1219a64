#pragma once

#include "connectors/formats/table_columns.hpp"
#include "connectors/sqlite/database.hpp"

#include <string>

namespace keyfold::sqlite {

/// The table an output writes to.
struct target_table {
  std::string name;
  table_columns columns;
};

/// `CREATE TABLE` for it: the key is its primary key. Integers and booleans (0 and 1) are INTEGER,
/// reals REAL, bytes BLOB; the rest is TEXT: decimals in plain digits, timestamps as RFC 3339 in
/// UTC, lists and maps as JSON.
std::string create_statement(const target_table& table);

/// Whether the database has a table of that name. Views are none.
result<bool> exists(const database& in, const target_table& table);

/// Checks that the table there takes the rows as they are: it has every column, each of a type that
/// keeps what is written to it, a primary key or unique index of exactly the key's columns, and no
/// other column that must be given. The error says what to declare.
result<void> check_table(const database& in, const target_table& table);

/// `INSERT … ON CONFLICT DO UPDATE` by the key, or a plain `INSERT` where there is none. Its
/// parameters are the columns in their order.
std::string write_statement(const target_table& table);
/// `DELETE` by the key, whose columns are its parameters. @pre there is a key
std::string delete_statement(const target_table& table);

} // namespace keyfold::sqlite
