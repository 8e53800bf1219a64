#include "connectors/postgres/catalog.hpp"

#include <charconv>
#include <map>

namespace keyfold::postgres {

namespace {

constexpr const char* table_sql =
    "SELECT c.oid, n.nspname, c.relname, c.relkind, has_table_privilege(c.oid, 'INSERT'), "
    "has_table_privilege(c.oid, 'UPDATE'), has_table_privilege(c.oid, 'SELECT'), "
    "has_table_privilege(c.oid, 'DELETE') FROM pg_catalog.pg_class c "
    "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
    "WHERE c.oid = pg_catalog.to_regclass($1)";

constexpr const char* columns_sql =
    "SELECT a.attname, CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END, "
    "pg_catalog.format_type(a.atttypid, a.atttypmod), "
    "CASE t.typtype WHEN 'd' THEN t.typtypmod ELSE a.atttypmod END, t.typtype = 'e', "
    "(a.attnotnull OR t.typnotnull) AND NOT a.atthasdef AND a.attidentity = '' "
    "AND t.typdefault IS NULL, a.attgenerated <> '' OR a.attidentity = 'a' "
    "FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid "
    "WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";

/// Of indexes that ON CONFLICT can name.
constexpr const char* keys_sql =
    "SELECT i.indexrelid, a.attname FROM pg_catalog.pg_index i "
    "CROSS JOIN LATERAL unnest((i.indkey::int2[])[0:i.indnkeyatts - 1]) AS k(number) "
    "JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number "
    "WHERE i.indrelid = $1::oid AND i.indisunique AND i.indisvalid AND i.indimmediate "
    "AND i.indpred IS NULL AND i.indexprs IS NULL";

std::string text_of(const result_ptr& x, int row, int column) {
  return {PQgetvalue(x.get(), row, column), static_cast<size_t>(PQgetlength(x.get(), row, column))};
}

bool flag_of(const result_ptr& x, int row, int column) {
  return text_of(x, row, column) == "t";
}

template <class T>
T number_of(const result_ptr& x, int row, int column) {
  T out{};
  auto text = text_of(x, row, column);
  std::from_chars(text.data(), text.data() + text.size(), out);
  return out;
}

catalog_column column_of(const result_ptr& x, int row) {
  return {text_of(x, row, 0), number_of<uint32_t>(x, row, 1),
          text_of(x, row, 2), number_of<int32_t>(x, row, 3),
          flag_of(x, row, 4), flag_of(x, row, 5),
          flag_of(x, row, 6)};
}

} // namespace

outcome<std::optional<catalog_table>> describe_table(connection& with, const std::string& name) {
  const parameter by_name{name};
  auto found = with.run(table_sql, {&by_name, 1});
  if (!found)
    return tl::unexpected{found.error()};
  if (PQntuples(found->get()) == 0)
    return std::nullopt;
  catalog_table out;
  auto number = text_of(*found, 0, 0);
  out.schema = text_of(*found, 0, 1);
  out.name = text_of(*found, 0, 2);
  out.kind = text_of(*found, 0, 3).front();
  out.may_insert = flag_of(*found, 0, 4);
  out.may_update = flag_of(*found, 0, 5);
  out.may_select = flag_of(*found, 0, 6);
  out.may_delete = flag_of(*found, 0, 7);
  const parameter by_number{number};
  auto columns = with.run(columns_sql, {&by_number, 1});
  if (!columns)
    return tl::unexpected{columns.error()};
  for (int row = 0; row < PQntuples(columns->get()); ++row)
    out.columns.push_back(column_of(*columns, row));
  auto keys = with.run(keys_sql, {&by_number, 1});
  if (!keys)
    return tl::unexpected{keys.error()};
  std::map<std::string, std::vector<std::string>> by_index;
  for (int row = 0; row < PQntuples(keys->get()); ++row)
    by_index[text_of(*keys, row, 0)].push_back(text_of(*keys, row, 1));
  for (auto& [index, names] : by_index)
    out.unique_keys.push_back(std::move(names));
  return out;
}

} // namespace keyfold::postgres
