#include "connectors/sqlite/cell_binder.hpp"

#include "connectors/formats/row_writer.hpp"
#include "features/decimal.hpp"
#include "features/timestamp_format.hpp"

namespace keyfold::sqlite {

int cell_binder::bind(sqlite3_stmt* to, std::span<const table_column> columns, const change& x) {
  // Before the first is bound: a string that moves would leave its text behind.
  if (texts_.size() < columns.size())
    texts_.resize(columns.size());
  for (size_t i = 0; i < columns.size(); ++i)
    if (auto code = bind(to, static_cast<int>(i + 1), columns[i].of(x), columns[i].type);
        code != SQLITE_OK)
      return code;
  return SQLITE_OK;
}

int cell_binder::bind(sqlite3_stmt* to, int place, const cell& x, const data_type& type) {
  auto& text = texts_[static_cast<size_t>(place - 1)];
  auto bind_text = [&](std::string_view bytes) {
    // A null pointer would bind NULL.
    return sqlite3_bind_text64(to, place, bytes.empty() ? "" : bytes.data(), bytes.size(),
                               SQLITE_STATIC, SQLITE_UTF8);
  };
  text.clear();
  switch (x.kind()) {
  case cell_kind::null:
    return sqlite3_bind_null(to, place);
  case cell_kind::boolean:
    return sqlite3_bind_int(to, place, x.as_boolean() ? 1 : 0);
  case cell_kind::integer:
    return sqlite3_bind_int64(to, place, x.as_integer());
  case cell_kind::real:
    return sqlite3_bind_double(to, place, x.as_real());
  case cell_kind::string:
    return bind_text(x.as_text());
  case cell_kind::bytes:
    return sqlite3_bind_blob64(to, place, x.as_text().empty() ? "" : x.as_text().data(),
                               x.as_text().size(), SQLITE_STATIC);
  case cell_kind::decimal:
    append_decimal(x, text);
    return bind_text(text);
  case cell_kind::timestamp:
    append_rfc3339(x.as_timestamp(), text);
    return bind_text(text);
  case cell_kind::list:
  case cell_kind::map:
    append_json_value(x, type, text);
    return bind_text(text);
  }
  return SQLITE_MISMATCH;
}

} // namespace keyfold::sqlite
