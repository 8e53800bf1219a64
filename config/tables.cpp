#include "config/tables.hpp"

#include "config/avro.hpp"
#include "config/names.hpp"
#include "config/sources.hpp"
#include "config/spelling.hpp"
#include "config/streams.hpp"

#include <cctype>
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

postgres_table read_postgres(const node& table, const std::string& application) {
  auto at = table["source"];
  postgres_table out;
  out.url = at.text_or("url", "");
  out.password = at.text_or("password", "");
  out.table = at.text_or("table", "");
  out.timeout = at.milliseconds_or("timeout", out.timeout);
  out.keep = at.milliseconds_or("keep", out.keep);
  out.keep_missing = at.milliseconds_or("keep_missing", out.keep_missing);
  auto replicated = at.text_or("mode", "on_demand") == "replicated";
  out.mode = replicated ? postgres_table::mode::replicated : postgres_table::mode::on_demand;
  // PostgreSQL's names of slots are of these characters.
  auto name = "keyfold_" + application + "_" + table.text_or("name", "");
  for (auto& c : name)
    c = std::isalnum(static_cast<unsigned char>(c)) != 0
            ? static_cast<char>(std::tolower(static_cast<unsigned char>(c)))
            : '_';
  check_table_name(at["table"]);
  check_slot_name(at["slot"]);
  out.slot = at.text_or("slot", name.substr(0, 63));
  out.publication = at.text_or("publication", out.slot);
  for (const char* key : {"keep", "keep_missing"})
    if (replicated && at[key])
      at[key].complain_of_key("`" + std::string{key} + "` is of tables that are asked on demand");
  for (const char* key : {"slot", "publication"})
    if (!replicated && at[key])
      at[key].complain_of_key("`" + std::string{key} + "` is of tables that are replicated");
  if (table["max_bad_rows"])
    table["max_bad_rows"].complain_of_key("`max_bad_rows` is of CSV files");
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
  out.reserve(columns.size());
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

table_set::table_set(const node& definition, std::string application)
    : application_(std::move(application)) {
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
  auto remote = at["source"]["type"].text() == "postgres";
  if (remote)
    made.source = read_postgres(at, application_);
  else
    made.source = read_csv(at["source"], at);
  made.bounds = read_bounds(at);
  auto schema = std::make_shared<stream_schema>();
  schema->name = name;
  std::vector<column> columns;
  refuse_avro_fields(at["fields"]);
  auto sound = true;
  for (const auto& [field, field_at] : at["fields"].members()) {
    auto read = read_field(field, field_at, false);
    if (read && remote
        && (read->type.kind == type_kind::list || read->type.kind == type_kind::map)) {
      field_at.complain("columns of PostgreSQL are not read as lists or maps; read it as a string");
      read.reset();
    }
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
  if (remote)
    made.slot = std::make_shared<table_slot>(name, std::move(columns), std::move(*key),
                                             std::get<postgres_table>(made.source).mode
                                                 == postgres_table::mode::on_demand);
  else
    made.held = std::make_shared<table>(name, std::move(columns), std::move(*key));
}

std::optional<uint32_t> table_set::find_number(const node& reference) {
  auto found = names_.find(reference);
  if (found)
    used_[*found] = true;
  return found;
}

std::shared_ptr<lookup_table> table_set::find(const node& reference) {
  auto found = find_number(reference);
  return found ? plans_[*found].looked_up() : nullptr;
}

std::shared_ptr<table> table_set::find_loaded(const node& reference, const std::string& view) {
  auto found = find_number(reference);
  if (!found)
    return nullptr;
  if (plans_[*found].slot != nullptr)
    reference.complain("this needs all rows of the table " + reference.quoted()
                       + " at once, as a table of a CSV file has them");
  plans_[*found].views.push_back(view);
  return plans_[*found].held;
}

void table_set::begin_again() {
  for (auto& x : plans_) {
    x.views.clear();
    if (x.held != nullptr)
      x.held = std::make_shared<table>(x.held->name(), x.held->columns(), x.held->key());
  }
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
