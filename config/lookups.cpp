#include "config/lookups.hpp"

#include "config/spelling.hpp"

#include <algorithm>

namespace keyfold::config {

uint32_t stage_of(const stream_schema& schema, std::span<const uint32_t> columns) {
  uint32_t stage = 0;
  for (auto column : columns)
    stage = std::max(stage, schema.fields[column].stage);
  return stage;
}

void lookup_reader::columns() {
  uint32_t number = 0;
  for (const auto& at : to_.definition["lookups"].items())
    read(at, number++);
}

void lookup_reader::read(const node& at, uint32_t number) {
  auto& made = to_.full.lookups.emplace_back();
  made.table = tables_.find(at["table"]);
  made.drop_missing = at.text_or("on_missing", "null") == "drop";
  if (made.table == nullptr) {
    to_.sound = false;
    return;
  }
  if (to_.derived() && made.table->waits())
    at["table"].complain("the events that views emit can be joined with tables in memory only, and "
                         + at["table"].quoted() + " is asked for each row");
  if (!at["fields"] && !made.drop_missing)
    at.complain("this lookup does nothing: name the `fields` wanted, or leave out the rows without "
                "by `\"on_missing\": \"drop\"`");
  for (const auto& field : at["fields"].items())
    add_column(field.text(), field, number);
  for (const auto& [name, field] : at["fields"].members())
    add_column(name, field, number);
}

void lookup_reader::add_column(const std::string& name, const node& field_at, uint32_t number) {
  auto& lookup = to_.full.lookups[number];
  auto named = check_column_name(name, field_at);
  if (named && to_.full.find(name)) {
    field_at.complain("there is a column called " + backquoted(name)
                      + " already; give this one another name: {\"other_name\": " + "\""
                      + field_at.text() + "\"}");
    named = false;
  }
  auto field = find_field(*lookup.table, field_at);
  if (!named || !field) {
    to_.sound = false;
    return;
  }
  stream_field made;
  made.name = name;
  made.type = lookup.table->columns()[*field].type;
  made.lookup = number;
  made.stage = number + 1;
  lookup.fields.push_back(*field);
  lookup.columns.push_back(static_cast<uint32_t>(to_.full.fields.size()));
  to_.full.fields.push_back(std::move(made));
}

void lookup_reader::keys() {
  if (!to_.sound)
    return;
  uint32_t number = 0;
  for (const auto& at : to_.definition["lookups"].items())
    read_key(at, number++);
}

void lookup_reader::read_key(const node& at, uint32_t number) {
  const auto& table = *to_.full.lookups[number].table;
  auto given = at["key"].items();
  if (at["key"] && given.size() != table.key().size()) {
    std::vector<std::string> names;
    for (auto column : table.key())
      names.push_back(table.columns()[column].name);
    at["key"].complain("the table " + backquoted(table.name()) + " is keyed by "
                       + alternatives(names, "and") + ": name a column of the stream for each");
    to_.sound = false;
    return;
  }
  for (size_t i = 0; i < table.key().size(); ++i) {
    if (given.empty())
      add_key(table.columns()[table.key()[i]].name, at["table"], number);
    else
      add_key(given[i].text(), given[i], number);
  }
}

void lookup_reader::add_key(const std::string& name, const node& at, uint32_t number) {
  auto& lookup = to_.full.lookups[number];
  const auto& wanted = lookup.table->columns()[lookup.table->key()[lookup.key.size()]];
  auto found = to_.full.find(name);
  auto refuse = [&](const std::string& sentence) {
    at.complain(sentence);
    to_.sound = false;
  };
  // A column that could not be found has a place too, so that the next one is compared with its
  // own.
  lookup.key.push_back(found.value_or(0));
  if (!found) {
    std::vector<std::string> names;
    for (const auto& x : to_.full.fields)
      names.push_back(x.name);
    refuse("the table " + backquoted(lookup.table->name()) + " is keyed by "
           + backquoted(wanted.name) + ", and the stream " + backquoted(to_.name)
           + " has no column " + backquoted(name) + suggestion(name, names, "columns"));
    return;
  }
  const auto& column = to_.full.fields[*found];
  auto alike = cell_kind_of(column.type.kind) == cell_kind_of(wanted.type.kind)
               && column.type.scale == wanted.type.scale;
  if (!alike)
    refuse("the key " + backquoted(wanted.name) + " of the table "
           + backquoted(lookup.table->name()) + " is " + backquoted(to_string(wanted.type))
           + ", and " + backquoted(name) + " is " + backquoted(to_string(column.type))
           + "; give both the same type");
  if (column.stage > number)
    refuse("the column " + backquoted(name) + " comes of this lookup or a later one, and cannot be "
           + "its key; lookups are made in their order");
}

void lookup_reader::use() const {
  if (!to_.sound)
    return;
  for (const auto& lookup : to_.full.lookups)
    for (auto column : lookup.key)
      if (lookup.drop_missing)
        to_.used[column] = true;
}

void prune_lookups(const declared_stream& from, table_set& tables, stream_schema& to) {
  auto at = from.definition["lookups"].items();
  for (uint32_t number = 0; number < from.full.lookups.size(); ++number) {
    const auto& declared = from.full.lookups[number];
    stream_lookup made;
    made.drop_missing = declared.drop_missing;
    auto place_of = [&](uint32_t column) { return to.find(from.full.fields[column].name); };
    for (size_t i = 0; i < declared.columns.size(); ++i) {
      auto place = place_of(declared.columns[i]);
      if (!place)
        continue;
      made.fields.push_back(declared.fields[i]);
      made.columns.push_back(*place);
      to.fields[*place].lookup = static_cast<uint32_t>(to.lookups.size());
      to.fields[*place].stage = static_cast<uint32_t>(to.lookups.size() + 1);
    }
    if (made.columns.empty() && !made.drop_missing)
      continue;
    made.table = tables.find(at[number]["table"]);
    for (auto column : declared.key)
      made.key.push_back(*place_of(column));
    to.lookups.push_back(std::move(made));
  }
  for (auto& field : to.fields)
    if (field.derived)
      field.stage = stage_of(to, field.derived->columns());
}

} // namespace keyfold::config
