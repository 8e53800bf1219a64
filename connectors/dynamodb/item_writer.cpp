#include "connectors/dynamodb/item_writer.hpp"

#include "connectors/formats/row_writer.hpp"
#include "features/entity_key.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace keyfold::dynamodb {

namespace {

constexpr size_t max_partition_key_bytes = 2048;
constexpr size_t max_sort_key_bytes = 1024;

/// The key columns, then the value's fields, each under its own name.
std::vector<item_part> plain_parts(const change_columns& columns) {
  std::vector<item_part> out;
  auto add = [&](const std::string& name, const std::string& column) {
    if (std::none_of(out.begin(), out.end(), [&](const auto& x) { return x.name == name; }))
      out.push_back({name, item_part::kind::column, {column}, {}, {}});
  };
  for (const auto& x : columns.key)
    add(x.name, x.name);
  for (const auto& x : value_fields(columns))
    add(x.name, (x.of_key ? columns.key : columns.values)[x.column].name);
  return out;
}

std::string list_of(const change_columns& columns) {
  std::string out;
  for (const auto* all : {&columns.key, &columns.values})
    for (const auto& x : *all)
      out += (out.empty() ? "" : ", ") + x.name;
  return out;
}

} // namespace

result<item_writer::prepared_part> item_writer::prepare(const item_part& x,
                                                        const change_columns& columns) {
  prepared_part out;
  out.name = x.name;
  append_json_string(x.name, out.quoted);
  out.quoted.push_back(':');
  out.is = x.is;
  for (const auto& name : x.columns) {
    auto find = [&](const std::vector<column>& among, bool of_key) {
      auto found = std::find_if(among.begin(), among.end(),
                                [&](const auto& known) { return known.name == name; });
      if (found != among.end())
        out.places.push_back({of_key, static_cast<uint32_t>(found - among.begin()), found->type});
      return found != among.end();
    };
    if (!find(columns.key, true) && !find(columns.values, false))
      return fail(fmt::format("the rows have no column `{}` for the attribute `{}`; they have {}",
                              name, x.name, list_of(columns)));
  }
  if (x.is == item_part::kind::text)
    append_json_string(x.literal, out.literal);
  out.literal = x.is == item_part::kind::text ? fmt::format(R"({{"S":{}}})", out.literal)
                                              : fmt::format(R"({{"N":"{}"}})", x.literal);
  for (const auto& part : x.parts) {
    auto made = prepare(part, columns);
    if (!made)
      return made;
    out.parts.push_back(std::move(*made));
  }
  return out;
}

result<item_writer> item_writer::make(const change_columns& columns, item_settings settings) {
  if (settings.parts.empty())
    settings.parts = plain_parts(columns);
  item_writer out;
  for (const auto& x : settings.parts) {
    if (x.name == settings.version)
      return fail(
          fmt::format("the item has an attribute `{}`, which is that of the version", x.name));
    auto made = prepare(x, columns);
    if (!made)
      return tl::unexpected{made.error()};
    out.parts_.push_back(std::move(*made));
  }
  out.settings_ = std::move(settings);
  const auto& names = out.settings_;
  if (auto found = out.find_key(names.partition_key, max_partition_key_bytes, columns); !found)
    return tl::unexpected{found.error()};
  if (!names.sort_key.empty())
    if (auto found = out.find_key(names.sort_key, max_sort_key_bytes, columns); !found)
      return tl::unexpected{found.error()};
  if (auto distinct = out.check_distinct(columns); !distinct)
    return tl::unexpected{distinct.error()};
  return out;
}

result<void> item_writer::find_key(const std::string& name, size_t most_bytes,
                                   const change_columns& columns) {
  using kind = item_part::kind;
  auto found =
      std::find_if(parts_.begin(), parts_.end(), [&](const auto& x) { return x.name == name; });
  if (found == parts_.end())
    return fail(fmt::format("the item has no attribute `{}`, which is part of the table's key: "
                            "name it in `item`",
                            name));
  auto type = found->is == kind::number                               ? 'N'
              : found->is == kind::text || found->is == kind::columns ? 'S'
              : found->is == kind::map
                  ? '\0'
                  : key_type_of(found->places.front().type, settings_.timestamps);
  if (type == '\0')
    return fail(fmt::format("the attribute `{}` is part of the table's key, which takes strings, "
                            "numbers and bytes",
                            name));
  for (const auto& x : found->places)
    if (!x.of_key && !columns.events)
      return fail(fmt::format("the attribute `{}` is part of the table's key, so it must be made "
                              "of the row's key, which alone is known of a row that is deleted",
                              name));
  found->most_bytes = most_bytes;
  key_.push_back({name, type});
  key_parts_.push_back(*found);
  return {};
}

/// Rows with different keys must be different items.
result<void> item_writer::check_distinct(const change_columns& columns) const {
  for (uint32_t i = 0; i < columns.key.size() && !columns.events; ++i) {
    auto has = [&](const prepared_part& part) {
      return std::any_of(part.places.begin(), part.places.end(),
                         [&](const auto& x) { return x.of_key && x.column == i; });
    };
    if (std::none_of(key_parts_.begin(), key_parts_.end(), has))
      return fail(fmt::format("the key column `{}` is in neither of the table's key attributes, so "
                              "rows would overwrite one another: add `sort_key`, or join columns "
                              "in `item`, as in \"{}\": [\"{}\", …]",
                              columns.key[i].name, settings_.partition_key, columns.key[i].name));
  }
  return {};
}

result<void> item_writer::write_item(const change& x, uint64_t epoch, std::string& out) const {
  size_t size = 0;
  out.push_back('{');
  if (auto done = write_parts(parts_, x, out, size); !done)
    return done;
  if (!settings_.version.empty()) {
    out.push_back(',');
    append_json_string(settings_.version, out);
    out += fmt::format(R"(:{{"N":"{}"}})", epoch);
  }
  out.push_back('}');
  if (size > max_item_bytes)
    return fail(
        fmt::format("the item has at least {} bytes, and DynamoDB takes {}", size, max_item_bytes));
  return {};
}

result<void> item_writer::write_key(const change& x, std::string& out) const {
  size_t size = 0;
  out.push_back('{');
  auto done = write_parts(key_parts_, x, out, size);
  out.push_back('}');
  return done;
}

result<void> item_writer::write_parts(const std::vector<prepared_part>& parts, const change& x,
                                      std::string& out, size_t& size) const {
  for (const auto& part : parts) {
    if (&part != &parts.front())
      out.push_back(',');
    out += part.quoted;
    size += part.name.size();
    auto before = size;
    if (auto done = write_part(part, x, out, size); !done)
      return fail(fmt::format("attribute `{}`: {}", part.name, done.error().message));
    if (part.most_bytes > 0 && size - before > part.most_bytes)
      return fail(fmt::format("attribute `{}`: it has {} bytes, and this part of a key takes {}",
                              part.name, size - before, part.most_bytes));
  }
  return {};
}

result<void> item_writer::write_part(const prepared_part& part, const change& x, std::string& out,
                                     size_t& size) const {
  auto value_at = [&](const place& at) { return (at.of_key ? x.key : x.values)[at.column]; };
  switch (part.is) {
  case item_part::kind::text:
  case item_part::kind::number:
    out += part.literal;
    return {};
  case item_part::kind::map: {
    out += R"({"M":{)";
    auto done = write_parts(part.parts, x, out, size);
    out += "}}";
    return done;
  }
  case item_part::kind::columns: {
    std::vector<cell> cells;
    for (const auto& at : part.places)
      cells.push_back(value_at(at));
    std::string text;
    if (!append_entity_key(cells, text))
      return fail("one of its columns is null");
    return append_attribute(cell::string(text), {type_kind::string, 0, 0, nullptr},
                            settings_.timestamps, out, size);
  }
  case item_part::kind::column:
    break;
  }
  auto value = value_at(part.places.front());
  if (part.most_bytes > 0) {
    if (value.is_null() || (value.kind() == cell_kind::real && !std::isfinite(value.as_real())))
      return fail("it is part of the table's key and null");
    if ((value.kind() == cell_kind::string || value.kind() == cell_kind::bytes)
        && value.as_text().empty())
      return fail("it is part of the table's key and empty");
  }
  return append_attribute(value, part.places.front().type, settings_.timestamps, out, size);
}

} // namespace keyfold::dynamodb
