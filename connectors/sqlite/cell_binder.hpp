#pragma once

#include "connectors/formats/table_columns.hpp"

#include <span>
#include <sqlite3.h>
#include <string>
#include <vector>

namespace keyfold::sqlite {

/// Binds the cells of changes to the parameters of a statement, as `create_statement` says that
/// each type is written. Keeps the texts it makes until the next `bind`.
class cell_binder {
public:
  /// Parameter i is `columns[i]`. SQLite's code: SQLITE_TOOBIG for a text that no column takes.
  int bind(sqlite3_stmt* to, std::span<const table_column> columns, const change& x);

private:
  int bind(sqlite3_stmt* to, int place, const cell& x, const data_type& type);

  std::vector<std::string> texts_;
};

} // namespace keyfold::sqlite
