#include "connectors/postgres/table_reading.hpp"

#include "connectors/formats/text_value.hpp"
#include "connectors/postgres/catalog.hpp"
#include "features/nearest_name.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace keyfold::postgres {

namespace {

/// What the text of a type can be read as; as a string, the text of any.
struct readable_type {
  type_kind as;
  std::array<uint32_t, 4> from;
};

constexpr std::array readable{
    readable_type{type_kind::boolean, {oid::boolean}},
    readable_type{type_kind::int32, {oid::int2, oid::int4}},
    readable_type{type_kind::int64, {oid::int2, oid::int4, oid::int8}},
    readable_type{type_kind::float32, {oid::float4}},
    readable_type{type_kind::float64, {oid::float4, oid::float8}},
    readable_type{type_kind::decimal, {oid::numeric, oid::int2, oid::int4, oid::int8}},
    readable_type{type_kind::bytes, {oid::bytea}},
    readable_type{type_kind::timestamp, {oid::timestamp, oid::timestamptz, oid::date}},
};

} // namespace

const std::string& column_of(const stream_field& x) noexcept {
  return x.path.empty() ? x.name : x.path.front();
}

result<void> check_readable(const stream_field& field, const catalog_column& from) {
  if (field.type.kind == type_kind::string)
    return {};
  for (const auto& x : readable)
    if (x.as == field.type.kind
        && std::find(x.from.begin(), x.from.end(), from.type_oid) != x.from.end())
      return {};
  return fail(fmt::format("the column `{}` is {} and cannot be read as {}: give the field another "
                          "type; string takes any",
                          from.name, from.type_name, to_string(field.type)));
}

outcome<std::vector<bound_column>> check_table(connection& with, const table_settings& x,
                                               catalog_table& found) {
  auto table = describe_table(with, x.table);
  if (!table)
    return tl::unexpected{table.error()};
  if (!*table)
    return needs_person(
        fmt::format("there is no table {}: create it, or correct its name", x.table));
  found = std::move(**table);
  auto full_name = fmt::format("{}.{}", quoted_name(found.schema), quoted_name(found.name));
  if (!found.may_select)
    return needs_person(fmt::format("the user of `url` may not read the table: GRANT SELECT ON {} "
                                    "TO it",
                                    full_name));
  std::vector<std::string_view> names;
  for (const auto& column : found.columns)
    names.push_back(column.name);
  auto column_named = [&](const std::string& name) {
    return std::find_if(found.columns.begin(), found.columns.end(),
                        [&](const auto& y) { return y.name == name; });
  };
  for (const auto& field : x.schema->fields) {
    auto column = column_named(column_of(field));
    if (column == found.columns.end())
      return needs_person(fmt::format("the table {} has no column `{}`{}", full_name,
                                      column_of(field), did_you_mean(column_of(field), names)));
    if (auto sound = check_readable(field, *column); !sound)
      return needs_person(sound.error().message);
  }
  std::vector<bound_column> key;
  for (auto number : x.key) {
    const auto& field = x.schema->fields[number];
    auto column = *column_named(column_of(field));
    column.generated = false; // it is only compared with
    column.modifier = -1;
    auto bound = bind_column({column.name, field.type, true, 0, true}, column, full_name);
    if (!bound)
      return needs_person(bound.error().message);
    key.push_back(std::move(*bound));
  }
  return key;
}

bool read_row(const stream_schema& schema, std::span<const char* const> texts,
              std::span<const int> sizes, arena& memory, std::vector<cell>& cells, std::string& why,
              std::span<const uint8_t> skipped) {
  cells.assign(schema.fields.size(), cell{});
  for (size_t i = 0; i < schema.fields.size(); ++i) {
    const auto& field = schema.fields[i];
    if (!skipped.empty() && skipped[i] != 0)
      continue;
    if (texts[i] == nullptr) {
      if (field.nullable)
        continue;
      why = fmt::format("field `{}`: null, and it is required", field.name);
      return false;
    }
    std::string_view text{texts[i], static_cast<size_t>(sizes[i])};
    if (!read_text(text, field.type, memory, cells[i])) {
      why = wrong_value(field, sample(text), true).message;
      return false;
    }
  }
  return true;
}

} // namespace keyfold::postgres
