#include "connectors/sqlite/target_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <vector>

namespace keyfold::sqlite {

namespace {

/// How a column converts what is stored in it, from its declared type; see SQLite's "Datatypes".
enum class affinity : uint8_t { integer, real, numeric, text, none, only_blobs };

const char* declared_type(type_kind kind) {
  switch (kind) {
  case type_kind::boolean:
  case type_kind::int32:
  case type_kind::int64:
    return "INTEGER";
  case type_kind::float32:
  case type_kind::float64:
    return "REAL";
  case type_kind::bytes:
    return "BLOB";
  default:
    return "TEXT";
  }
}

affinity affinity_of(std::string type, bool strict) {
  std::transform(type.begin(), type.end(), type.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  auto has = [&](const char* part) { return type.find(part) != std::string::npos; };
  if (strict && type == "ANY")
    return affinity::none;
  if (strict && type == "BLOB")
    return affinity::only_blobs;
  if (has("INT"))
    return affinity::integer;
  if (has("CHAR") || has("CLOB") || has("TEXT"))
    return affinity::text;
  if (type.empty() || has("BLOB"))
    return affinity::none;
  if (has("REAL") || has("FLOA") || has("DOUB"))
    return affinity::real;
  return affinity::numeric;
}

/// Whether a column of that affinity keeps what is written of such a type.
bool keeps(affinity how, type_kind kind) {
  if (how == affinity::none)
    return true;
  switch (kind) {
  case type_kind::boolean:
  case type_kind::int32:
  case type_kind::int64:
    return how == affinity::integer || how == affinity::numeric;
  case type_kind::float32:
  case type_kind::float64:
    return how == affinity::real || how == affinity::numeric;
  case type_kind::decimal:
  case type_kind::timestamp:
    return how == affinity::text || how == affinity::numeric;
  case type_kind::bytes:
    return how == affinity::only_blobs;
  default:
    return how == affinity::text;
  }
}

bool same_name(const std::string& a, const std::string& b) {
  return sqlite3_stricmp(a.c_str(), b.c_str()) == 0;
}

/// A column as the database has it.
struct found_column {
  std::string name;
  std::string type;
  bool must_be_given = false;
  int64_t place_in_key = 0; ///< from 1; 0: it is not of the primary key
};

class table_check {
public:
  table_check(const database& in, const target_table& table) : in_(in), table_(table) {}

  result<void> run() {
    if (auto read = read_columns(); !read)
      return read;
    for (const auto& x : table_.columns.all)
      if (auto good = check_column(x); !good)
        return good;
    for (const auto& x : found_)
      if (x.must_be_given && !is_written(x.name))
        return refuse(fmt::format("its column `{}` is NOT NULL without a default, and this output "
                                  "does not write it: give it a default",
                                  x.name));
    return table_.columns.key == 0 ? result<void>{} : check_key();
  }

private:
  tl::unexpected<error> refuse(const std::string& what) const {
    return fail(fmt::format("table `{}` of `{}`: {}", table_.name, in_.path(), what));
  }

  bool is_written(const std::string& name) const {
    return std::any_of(table_.columns.all.begin(), table_.columns.all.end(),
                       [&](const auto& x) { return same_name(x.name, name); });
  }

  /// Calls `row` for each row of a query about the table, or about what it is given.
  template <class Row>
  result<void> each(const char* sql, const std::string& about, Row row) {
    constexpr auto doing = "looking at its tables";
    auto query = statement::prepare(in_, sql, doing);
    if (!query)
      return tl::unexpected{query.error()};
    sqlite3_bind_text(query->handle(), 1, about.c_str(), -1, SQLITE_STATIC);
    for (;;) {
      auto more = query->step(doing);
      if (!more)
        return tl::unexpected{more.error()};
      if (!*more)
        return {};
      row(*query);
    }
  }

  result<void> read_columns() {
    auto read = each(
        "SELECT strict FROM pragma_table_list WHERE schema = 'main' AND name = ?1 COLLATE NOCASE",
        table_.name, [&](const statement& x) { strict_ = x.number(0) != 0; });
    if (!read)
      return read;
    return each("SELECT name, type, \"notnull\" AND dflt_value IS NULL AND hidden = 0, pk "
                "FROM pragma_table_xinfo(?1)",
                table_.name, [&](const statement& x) {
                  found_.push_back({x.text(0), x.text(1), x.number(2) != 0, x.number(3)});
                });
  }

  result<void> check_column(const table_column& x) const {
    auto found = std::find_if(found_.begin(), found_.end(),
                              [&](const auto& known) { return same_name(known.name, x.name); });
    const auto* type = declared_type(x.type.kind);
    if (found == found_.end())
      return refuse(fmt::format("it has no column `{}`: ALTER TABLE {} ADD COLUMN {} {}", x.name,
                                quoted(table_.name), quoted(x.name), type));
    if (!keeps(affinity_of(found->type, strict_), x.type.kind))
      return refuse(fmt::format("its column `{}` is {}, which does not keep values of the type {} "
                                "as they are: declare it {}",
                                x.name, found->type, to_string(x.type), type));
    return {};
  }

  bool is_key(std::vector<std::string> names) const {
    auto key = table_.columns.of_key();
    return names.size() == key.size() && std::all_of(key.begin(), key.end(), [&](const auto& x) {
             return std::any_of(names.begin(), names.end(),
                                [&](const auto& name) { return same_name(name, x.name); });
           });
  }

  result<void> check_key() {
    std::vector<std::string> primary;
    for (const auto& x : found_)
      if (x.place_in_key > 0)
        primary.push_back(x.name);
    if (is_key(primary))
      return {};
    std::vector<std::string> indexes;
    auto read = each("SELECT name FROM pragma_index_list(?1) WHERE \"unique\" AND NOT partial",
                     table_.name, [&](const statement& x) { indexes.push_back(x.text(0)); });
    for (size_t i = 0; read && i < indexes.size(); ++i) {
      std::vector<std::string> names;
      read = each("SELECT name FROM pragma_index_info(?1)", indexes[i],
                  [&](const statement& x) { names.push_back(x.text(0)); });
      if (is_key(names))
        return {};
    }
    if (!read)
      return read;
    std::string key;
    for (const auto& x : table_.columns.of_key())
      key += (key.empty() ? "" : ", ") + quoted(x.name);
    return refuse(fmt::format("no primary key or unique index is of exactly ({0}), by which rows "
                              "are replaced: CREATE UNIQUE INDEX … ON {1} ({0})",
                              key, quoted(table_.name)));
  }

  const database& in_;
  const target_table& table_;
  bool strict_ = false;
  std::vector<found_column> found_;
};

/// The names of columns, each after `before` and followed by `after`.
std::string list(std::span<const table_column> columns, const std::string& separator,
                 const char* pattern) {
  std::string out;
  size_t number = 1;
  for (const auto& x : columns)
    out += (out.empty() ? "" : separator)
           + fmt::format(fmt::runtime(pattern), quoted(x.name), number++);
  return out;
}

} // namespace

std::string create_statement(const target_table& table) {
  std::string columns;
  for (const auto& x : table.columns.all)
    columns += (columns.empty() ? "" : ", ") + quoted(x.name) + " " + declared_type(x.type.kind);
  if (table.columns.key == 0)
    return fmt::format("CREATE TABLE {} ({})", quoted(table.name), columns);
  return fmt::format("CREATE TABLE {} ({}, PRIMARY KEY ({})) WITHOUT ROWID", quoted(table.name),
                     columns, list(table.columns.of_key(), ", ", "{0}"));
}

result<bool> exists(const database& in, const target_table& table) {
  constexpr auto doing = "looking at its tables";
  auto query = statement::prepare(
      in, "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1 COLLATE NOCASE", doing);
  if (!query)
    return tl::unexpected{query.error()};
  sqlite3_bind_text(query->handle(), 1, table.name.c_str(), -1, SQLITE_STATIC);
  return query->step(doing);
}

result<void> check_table(const database& in, const target_table& table) {
  return table_check{in, table}.run();
}

std::string write_statement(const target_table& table) {
  auto sql =
      fmt::format("INSERT INTO {} ({}) VALUES ({})", quoted(table.name),
                  list(table.columns.all, ", ", "{0}"), list(table.columns.all, ", ", "?{1}"));
  if (table.columns.key == 0)
    return sql;
  sql += fmt::format(" ON CONFLICT ({}) DO ", list(table.columns.of_key(), ", ", "{0}"));
  auto rest = table.columns.of_value();
  return sql + (rest.empty() ? "NOTHING" : "UPDATE SET " + list(rest, ", ", "{0} = excluded.{0}"));
}

std::string delete_statement(const target_table& table) {
  return fmt::format("DELETE FROM {} WHERE {}", quoted(table.name),
                     list(table.columns.of_key(), " AND ", "{0} = ?{1}"));
}

} // namespace keyfold::sqlite
