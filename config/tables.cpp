#include "config/tables.hpp"

#include "config/avro.hpp"
#include "config/sources.hpp"
#include "config/spelling.hpp"
#include "config/streams.hpp"

#include <set>

namespace keyfold::config {

namespace {

csv_table read_csv(const node& at, const node& table) {
  csv_table out;
  out.path = at.text_or("path", "");
  out.format = read_csv_format(at);
  out.settle = at.milliseconds_or("settle", out.settle);
  out.max_bad_rows = table.whole_or("max_bad_rows", out.max_bad_rows);
  return out;
}

table_bounds read_bounds(const node& at) {
  table_bounds out;
  out.max_rows = at.whole_or("max_rows", out.max_rows);
  out.max_bytes = at.size_or("max_memory", out.max_bytes);
  if (out.max_bytes < 1u << 20)
    at["max_memory"].complain("`max_memory` must be at least 1MiB");
  return out;
}

std::vector<std::string> names_of(const std::vector<column>& columns) {
  std::vector<std::string> out;
  for (const auto& x : columns)
    out.push_back(x.name);
  return out;
}

/// The columns of the key; complains of those that cannot be part of one.
std::optional<std::vector<uint32_t>> read_key(const node& at, const std::vector<column>& columns,
                                              const std::string& name) {
  const table known{name, columns, {}};
  std::vector<uint32_t> out;
  std::set<uint32_t> seen;
  for (const auto& field : at.items()) {
    auto found = find_field(known, field);
    if (!found)
      return std::nullopt;
    const auto& type = columns[*found].type;
    if (type.kind == type_kind::list || type.kind == type_kind::map) {
      field.complain("the field " + field.quoted() + " is " + backquoted(to_string(type))
                     + ", which cannot be a key");
      return std::nullopt;
    }
    if (!seen.insert(*found).second)
      field.complain("the field " + field.quoted() + " is listed twice");
    out.push_back(*found);
  }
  return out;
}

} // namespace

table_set::table_set(const node& definition) {
  for (const auto& at : definition["tables"].items())
    read(at);
}

void table_set::read(const node& at) {
  check_name(at["name"]);
  auto name = at.text_or("name", "");
  names_.add(name, at["name"]);
  at_.push_back(at);
  used_.push_back(false);
  auto& made = plans_.emplace_back();
  made.source = read_csv(at["source"], at);
  made.bounds = read_bounds(at);
  auto schema = std::make_shared<stream_schema>();
  schema->name = name;
  std::vector<column> columns;
  refuse_avro_fields(at["fields"]);
  auto sound = true;
  for (const auto& [field, field_at] : at["fields"].members()) {
    auto read = read_field(field, field_at, false);
    sound = sound && read;
    if (!read)
      continue;
    columns.push_back({read->name, read->type});
    schema->fields.push_back(std::move(*read));
  }
  if (!sound)
    return;
  auto key = read_key(at["key"], columns, name);
  if (!key)
    return;
  for (auto field : *key)
    schema->fields[field].nullable = false;
  made.schema = std::move(schema);
  made.held = std::make_shared<table>(name, std::move(columns), std::move(*key));
}

std::shared_ptr<table> table_set::find(const node& reference) {
  auto found = names_.find(reference);
  if (!found)
    return nullptr;
  used_[*found] = true;
  return plans_[*found].held;
}

void table_set::begin_again() {
  for (auto& x : plans_)
    if (x.held != nullptr)
      x.held = std::make_shared<table>(x.held->name(), x.held->columns(), x.held->key());
}

void table_set::check_use() const {
  for (size_t i = 0; i < at_.size(); ++i)
    if (!used_[i])
      at_[i]["name"].complain(
          "nothing reads the table " + at_[i]["name"].quoted()
          + "; name it in the `lookups` of a stream or in a view, or remove it");
}

std::optional<uint32_t> find_field(const lookup_table& from, const node& name) {
  const auto& columns = from.columns();
  for (uint32_t i = 0; i < columns.size(); ++i)
    if (columns[i].name == name.text())
      return i;
  name.complain("the table " + backquoted(from.name()) + " has no field " + name.quoted()
                + suggestion(name.text(), names_of(columns), "fields"));
  return std::nullopt;
}

} // namespace keyfold::config
