#include "connectors/postgres/table_layout.hpp"

#include "connectors/formats/row_writer.hpp"
#include "connectors/postgres/connection.hpp"
#include "features/nearest_name.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <utility>

namespace keyfold::postgres {

namespace {

/// A type of a table that takes a type of the definition.
struct accepted_type {
  type_kind from;
  uint32_t to;
  encoding as;
  bool cast = false; ///< it has to be asked for
};

constexpr std::array accepted{
    accepted_type{type_kind::boolean, oid::boolean, encoding::boolean},
    accepted_type{type_kind::int32, oid::int2, encoding::int8},
    accepted_type{type_kind::int32, oid::int4, encoding::int8},
    accepted_type{type_kind::int32, oid::int8, encoding::int8},
    accepted_type{type_kind::int32, oid::numeric, encoding::numeric},
    accepted_type{type_kind::int32, oid::float8, encoding::float8},
    accepted_type{type_kind::int64, oid::int2, encoding::int8},
    accepted_type{type_kind::int64, oid::int4, encoding::int8},
    accepted_type{type_kind::int64, oid::int8, encoding::int8},
    accepted_type{type_kind::int64, oid::numeric, encoding::numeric},
    accepted_type{type_kind::float32, oid::float4, encoding::float4},
    accepted_type{type_kind::float32, oid::float8, encoding::float8},
    accepted_type{type_kind::float64, oid::float8, encoding::float8},
    accepted_type{type_kind::decimal, oid::numeric, encoding::numeric},
    accepted_type{type_kind::string, oid::text, encoding::text},
    accepted_type{type_kind::string, oid::varchar, encoding::text},
    accepted_type{type_kind::string, oid::bpchar, encoding::text},
    accepted_type{type_kind::string, oid::uuid, encoding::text, true},
    accepted_type{type_kind::string, oid::json, encoding::text, true},
    accepted_type{type_kind::string, oid::jsonb, encoding::text, true},
    accepted_type{type_kind::string, oid::inet, encoding::text, true},
    accepted_type{type_kind::string, oid::cidr, encoding::text, true},
    accepted_type{type_kind::bytes, oid::bytea, encoding::bytea},
    accepted_type{type_kind::timestamp, oid::timestamp, encoding::timestamp},
    accepted_type{type_kind::timestamp, oid::timestamptz, encoding::timestamp},
    accepted_type{type_kind::list, oid::jsonb, encoding::json, true},
    accepted_type{type_kind::list, oid::json, encoding::json, true},
    accepted_type{type_kind::list, oid::text, encoding::json},
    accepted_type{type_kind::map, oid::jsonb, encoding::json, true},
    accepted_type{type_kind::map, oid::json, encoding::json, true},
    accepted_type{type_kind::map, oid::text, encoding::json},
};

std::optional<accepted_type> find_accepted(const data_type& from, const catalog_column& to) {
  if (from.kind == type_kind::string && to.enumeration)
    return accepted_type{type_kind::string, to.type_oid, encoding::text, true};
  auto found = std::find_if(accepted.begin(), accepted.end(), [&](const auto& x) {
    return x.from == from.kind && x.to == to.type_oid;
  });
  return found == accepted.end() ? std::nullopt : std::optional{*found};
}

/// Digits behind the point that a numeric column keeps: its modifier has them, an 11-bit number
/// with a sign, beside the precision. Nothing: as many as there are.
std::optional<int> scale_of(const catalog_column& x) {
  if (x.modifier < 4)
    return std::nullopt;
  return (((x.modifier - 4) & 0x7ff) ^ 1024) - 1024;
}

std::string names_of(const std::vector<written_column>& columns, bool only_keys) {
  std::vector<std::string> names;
  for (const auto& x : columns)
    if (x.is_key || !only_keys)
      names.push_back(quoted_name(x.name));
  return fmt::format("{}", fmt::join(names, ", "));
}

result<void> check_rights(const catalog_table& table, bool keyed) {
  if (table.kind != 'r' && table.kind != 'p')
    return fail(fmt::format("`{}` is no table but a view, a foreign table or the like: name the "
                            "table",
                            table.full_name()));
  std::vector<std::string> lacking;
  auto need = [&](bool has, const char* right) {
    if (!has)
      lacking.emplace_back(right);
  };
  need(table.may_insert, "INSERT");
  need(!keyed || table.may_select, "SELECT");
  need(!keyed || table.may_update, "UPDATE");
  need(!keyed || table.may_delete, "DELETE");
  if (lacking.empty())
    return {};
  return fail(fmt::format("the user of `url` may not write the table: GRANT {} ON {}.{} TO it",
                          fmt::join(lacking, ", "), quoted_name(table.schema),
                          quoted_name(table.name)));
}

result<void> check_unique_key(const std::vector<written_column>& columns,
                              const catalog_table& table) {
  std::vector<std::string> key;
  for (const auto& x : columns)
    if (x.is_key)
      key.push_back(x.name);
  std::sort(key.begin(), key.end());
  auto same = [&](auto names) {
    std::sort(names.begin(), names.end());
    return names == key;
  };
  if (key.empty() || std::any_of(table.unique_keys.begin(), table.unique_keys.end(), same))
    return {};
  return fail(fmt::format(
      "no primary key or unique index of the table is on exactly ({0}), which tells the rows of "
      "this output apart: ALTER TABLE {1}.{2} ADD PRIMARY KEY ({0}), or choose another key",
      names_of(columns, true), quoted_name(table.schema), quoted_name(table.name)));
}

result<void> check_required(const std::vector<written_column>& columns,
                            const catalog_table& table) {
  for (const auto& x : table.columns) {
    auto written = std::any_of(columns.begin(), columns.end(),
                               [&](const auto& y) { return y.name == x.name; });
    if (x.required && !written)
      return fail(fmt::format("the column `{}` of the table must not be null and has no default, "
                              "and nothing is written to it: give it a default, or name it in "
                              "`columns`",
                              x.name));
  }
  return {};
}

} // namespace

result<std::vector<written_column>> written_columns(const change_columns& columns) {
  std::vector<written_column> out;
  auto fields = columns.fields;
  if (fields.empty()) {
    for (uint32_t i = 0; i < columns.key.size() && !columns.events; ++i)
      fields.push_back({columns.key[i].name, true, i});
    for (auto& x : value_fields(columns))
      if (std::none_of(fields.begin(), fields.end(), [&](auto& y) { return y.name == x.name; }))
        fields.push_back(std::move(x));
  }
  for (const auto& x : fields) {
    const auto& cells = x.of_key ? columns.key : columns.values;
    out.push_back({x.name, cells[x.column].type, x.of_key, x.column, false});
  }
  for (uint32_t i = 0; i < columns.key.size(); ++i) {
    // An event's key is made of columns that are among its values, too.
    auto is_it = [&](const written_column& x) {
      return columns.events ? !x.of_key && columns.values[x.place].name == columns.key[i].name
                            : x.of_key && x.place == i && !x.is_key;
    };
    auto found = std::find_if(out.begin(), out.end(), is_it);
    if (found == out.end())
      return fail(
          fmt::format("`columns` leaves out `{}`, by which the rows are told apart: name it",
                      columns.key[i].name));
    *found = {found->name, found->type, true, i, true};
  }
  std::stable_partition(out.begin(), out.end(), [](const auto& x) { return x.is_key; });
  return out;
}

result<bound_column> bind_column(const written_column& from, const catalog_column& to,
                                 std::string_view table) {
  auto wrong = [&](std::string_view why) {
    return fail(fmt::format("the column `{0}` is {1}, and the definition sends {2}{3}: ALTER TABLE "
                            "{4} ALTER COLUMN {5} TYPE {6}, or convert it in the definition",
                            to.name, to.type_name, to_string(from.type), why, table,
                            quoted_name(to.name), sql_type_of(from.type)));
  };
  if (to.generated)
    return fail(
        fmt::format("the column `{}` of the table is generated and cannot be written: leave "
                    "it out of `columns`",
                    to.name));
  auto how = find_accepted(from.type, to);
  if (!how)
    return wrong("");
  if (how->as == encoding::numeric && scale_of(to).value_or(from.type.scale) < from.type.scale)
    return wrong(", whose last digits would be rounded off");
  return bound_column{from, how->as, how->cast ? "::" + to.type_name : std::string{}};
}

result<std::vector<bound_column>> bind_columns(const std::vector<written_column>& columns,
                                               const catalog_table& table) {
  auto keyed = std::any_of(columns.begin(), columns.end(), [](auto& x) { return x.is_key; });
  if (auto allowed = check_rights(table, keyed); !allowed)
    return tl::unexpected{allowed.error()};
  std::vector<std::string_view> names;
  for (const auto& x : table.columns)
    names.push_back(x.name);
  auto full_name = fmt::format("{}.{}", quoted_name(table.schema), quoted_name(table.name));
  std::vector<bound_column> out;
  for (const auto& x : columns) {
    auto found = std::find_if(table.columns.begin(), table.columns.end(),
                              [&](const auto& y) { return y.name == x.name; });
    if (found == table.columns.end()) {
      auto meant = did_you_mean(x.name, names);
      return fail(fmt::format("the table has no column `{}`{}: ALTER TABLE {} ADD COLUMN {} {}, or "
                              "leave it out of `columns`",
                              x.name, meant.empty() ? "" : " (" + meant.substr(2) + ")", full_name,
                              quoted_name(x.name), sql_type_of(x.type)));
    }
    auto bound = bind_column(x, *found, full_name);
    if (!bound)
      return tl::unexpected{bound.error()};
    out.push_back(std::move(*bound));
  }
  if (auto sound = check_required(columns, table); !sound)
    return tl::unexpected{sound.error()};
  if (auto sound = check_unique_key(columns, table); !sound)
    return tl::unexpected{sound.error()};
  return out;
}

std::string sql_type_of(const data_type& type) {
  switch (type.kind) {
  case type_kind::boolean:
    return "boolean";
  case type_kind::int32:
    return "integer";
  case type_kind::int64:
    return "bigint";
  case type_kind::float32:
    return "real";
  case type_kind::float64:
    return "double precision";
  case type_kind::decimal:
    return fmt::format("numeric({},{})", type.precision, type.scale);
  case type_kind::bytes:
    return "bytea";
  case type_kind::timestamp:
    return "timestamptz";
  case type_kind::list:
  case type_kind::map:
    return "jsonb";
  case type_kind::null:
  case type_kind::string:
    break;
  }
  return "text";
}

std::string create_table_sql(std::string_view table, const std::vector<written_column>& columns) {
  std::string sql = fmt::format("CREATE TABLE IF NOT EXISTS {} (", table);
  for (const auto& x : columns)
    sql += fmt::format("{}{} {}", &x == &columns.front() ? "" : ", ", quoted_name(x.name),
                       sql_type_of(x.type));
  if (columns.front().is_key)
    sql += fmt::format(", PRIMARY KEY ({})", names_of(columns, true));
  return sql + ")";
}

namespace {

/// `unnest($1::int8[], …) AS x(c0, …)`
std::string unnested(std::span<const bound_column> columns) {
  std::string arrays;
  std::string names;
  for (size_t i = 0; i < columns.size(); ++i) {
    arrays += fmt::format("{}${}::{}[]", i == 0 ? "" : ", ", i + 1, element_name(columns[i].as));
    names += fmt::format("{}c{}", i == 0 ? "" : ", ", i);
  }
  return fmt::format("unnest({}) AS x({})", arrays, names);
}

} // namespace

std::string upsert_sql(const catalog_table& table, const std::vector<bound_column>& columns) {
  std::vector<std::string> names;
  std::vector<std::string> keys;
  std::vector<std::string> values;
  std::vector<std::string> set;
  for (size_t i = 0; i < columns.size(); ++i) {
    auto name = quoted_name(columns[i].from.name);
    values.push_back(fmt::format("x.c{}{}", i, columns[i].cast));
    if (columns[i].from.is_key)
      keys.push_back(name);
    else
      set.push_back(fmt::format("{0} = EXCLUDED.{0}", name));
    names.push_back(std::move(name));
  }
  auto sql = fmt::format("INSERT INTO {}.{} ({}) SELECT {} FROM {}", quoted_name(table.schema),
                         quoted_name(table.name), fmt::join(names, ", "), fmt::join(values, ", "),
                         unnested(columns));
  if (!keys.empty())
    sql += fmt::format(" ON CONFLICT ({}) DO ", fmt::join(keys, ", "))
           + (set.empty() ? std::string{"NOTHING"}
                          : fmt::format("UPDATE SET {}", fmt::join(set, ", ")));
  return sql;
}

std::string delete_sql(const catalog_table& table, const std::vector<bound_column>& columns) {
  std::vector<std::string> same;
  size_t keys = 0;
  for (; keys < columns.size() && columns[keys].from.is_key; ++keys)
    same.push_back(fmt::format("t.{} = x.c{}{}", quoted_name(columns[keys].from.name), keys,
                               columns[keys].cast));
  return fmt::format("DELETE FROM {}.{} AS t USING {} WHERE {}", quoted_name(table.schema),
                     quoted_name(table.name), unnested({columns.data(), keys}),
                     fmt::join(same, " AND "));
}

} // namespace keyfold::postgres
