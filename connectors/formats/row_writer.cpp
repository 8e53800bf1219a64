#include "connectors/formats/row_writer.hpp"

#include "connectors/formats/base64.hpp"
#include "features/decimal.hpp"
#include "features/timestamp_format.hpp"
#include "features/timestamp_writer.hpp"

#include <algorithm>
#include <optional>
#include <string_view>
#include <vector>

namespace keyfold {

namespace {

void append_json_list(std::span<const cell> items, const data_type& element, std::string& out) {
  out.push_back('[');
  for (size_t i = 0; i < items.size(); ++i) {
    if (i > 0)
      out.push_back(',');
    append_json_value(items[i], element, out);
  }
  out.push_back(']');
}

void append_json_map(std::span<const cell> entries, const data_type& element, std::string& out) {
  out.push_back('{');
  for (size_t i = 0; i + 1 < entries.size(); i += 2) {
    if (i > 0)
      out.push_back(',');
    append_json_string(entries[i].as_text(), out);
    out.push_back(':');
    append_json_value(entries[i + 1], element, out);
  }
  out.push_back('}');
}

/// A field of a row, and what it takes to write it.
struct placed_field {
  std::string name;
  data_type type;
  bool of_key = false;
  uint32_t column = 0;

  const cell& of(std::span<const cell> key, std::span<const cell> values) const noexcept {
    return (of_key ? key : values)[column];
  }
};

std::vector<placed_field> key_fields(const change_columns& columns) {
  std::vector<placed_field> all;
  for (const auto& x : columns.key)
    all.push_back({x.name, x.type, true, static_cast<uint32_t>(all.size())});
  return all;
}

std::vector<placed_field> fields_of_value(const change_columns& columns) {
  std::vector<placed_field> all;
  for (const auto& x : value_fields(columns))
    all.push_back(
        {x.name, (x.of_key ? columns.key : columns.values)[x.column].type, x.of_key, x.column});
  return all;
}

/// How timestamps are written, where that has been chosen.
std::optional<timestamp_writer> timestamps_of(const row_style& style) {
  if (style.timestamp_pattern.empty())
    return std::nullopt;
  return *timestamp_writer::make(style.timestamp_pattern);
}

class json_row_writer final : public row_writer {
public:
  json_row_writer(const change_columns& columns, const row_style& style)
      : key_(prepare(key_fields(columns))), value_(prepare(fields_of_value(columns))),
        timestamps_(timestamps_of(style)) {}

  void write_key(std::span<const cell> key, std::string& out) const override {
    write(key, {}, key_, out);
  }
  void write_value(std::span<const cell> key, std::span<const cell> values,
                   std::string& out) const override {
    write(key, values, value_, out);
  }

private:
  /// The name of each becomes all that stands before the value.
  static std::vector<placed_field> prepare(std::vector<placed_field> fields) {
    for (auto& x : fields) {
      std::string before = &x == &fields.front() ? "{" : ",";
      append_json_string(x.name, before);
      x.name = before + ":";
    }
    return fields;
  }
  /// A row is put together aside, for appending piece by piece takes longer than writing.
  void write(std::span<const cell> key, std::span<const cell> values,
             const std::vector<placed_field>& fields, std::string& out) const {
    char row[1024];
    constexpr auto room = sizeof row - 1; // the last brace's
    auto* at = row;
    if (fields.empty())
      *at++ = '{';
    for (const auto& x : fields) {
      const auto& value = x.of(key, values);
      if (x.name.size() + room_of_json_scalar(value) <= room - static_cast<size_t>(at - row)) {
        at = put_json_scalar(value, x.type.kind, put_text(x.name, at));
        continue;
      }
      out.append(row, at).append(x.name);
      at = row;
      if (timestamps_ && value.kind() == cell_kind::timestamp)
        write_timestamp(value.as_timestamp(), out);
      else
        append_json_value(value, x.type, out);
    }
    *at++ = '}';
    out.append(row, at);
  }
  void write_timestamp(event_time at, std::string& out) const {
    std::string text;
    timestamps_->append(at, text);
    append_json_string(text, out);
  }

  std::vector<placed_field> key_;
  std::vector<placed_field> value_;
  std::optional<timestamp_writer> timestamps_;
};

class csv_row_writer final : public row_writer {
public:
  csv_row_writer(const change_columns& columns, const row_style& style)
      : key_(key_fields(columns)), value_(fields_of_value(columns)),
        timestamps_(timestamps_of(style)), list_separator_(style.list_separator) {}

  void write_key(std::span<const cell> key, std::string& out) const override {
    write(key, {}, key_, out);
  }
  void write_value(std::span<const cell> key, std::span<const cell> values,
                   std::string& out) const override {
    write(key, values, value_, out);
  }

private:
  void write(std::span<const cell> key, std::span<const cell> values,
             const std::vector<placed_field>& fields, std::string& out) const {
    for (const auto& x : fields) {
      if (&x != &fields.front())
        out.push_back(',');
      write(x.of(key, values), x.type, out);
    }
  }
  void write(const cell& value, const data_type& type, std::string& out) const {
    std::string text;
    if (timestamps_ && value.kind() == cell_kind::timestamp)
      timestamps_->append(value.as_timestamp(), text);
    else if (!list_separator_.empty() && value.kind() == cell_kind::list)
      join(value.items(), *type.element, text);
    else
      return append_csv_value(value, type, out);
    append_csv_text(text, out);
  }
  void join(std::span<const cell> items, const data_type& type, std::string& out) const {
    for (const auto& item : items) {
      if (&item != &items.front())
        out += list_separator_;
      if (item.kind() == cell_kind::string)
        out += item.as_text();
      else if (item.kind() == cell_kind::timestamp)
        append_rfc3339(item.as_timestamp(), out);
      else if (!item.is_null())
        append_json_value(item, type, out);
    }
  }

  std::vector<placed_field> key_;
  std::vector<placed_field> value_;
  std::optional<timestamp_writer> timestamps_;
  std::string list_separator_;
};

} // namespace

void append_json_value(const cell& value, const data_type& type, std::string& out) {
  switch (value.kind()) {
  case cell_kind::null:
  case cell_kind::boolean:
  case cell_kind::integer:
  case cell_kind::real: {
    char text[longest_json_number];
    out.append(text, put_json_scalar(value, type.kind, text));
    return;
  }
  case cell_kind::decimal:
    return append_decimal(value, out);
  case cell_kind::string:
    return append_json_string(value.as_text(), out);
  case cell_kind::bytes:
  case cell_kind::timestamp:
    out.push_back('"');
    if (value.kind() == cell_kind::bytes)
      append_base64(value.as_text(), out);
    else
      append_rfc3339(value.as_timestamp(), out);
    out.push_back('"');
    return;
  case cell_kind::list:
    return append_json_list(value.items(), type.element ? *type.element : type, out);
  case cell_kind::map:
    return append_json_map(value.items(), type.element ? *type.element : type, out);
  }
}

void append_csv_text(std::string_view text, std::string& out) {
  auto is_special = [](char c) {
    return c == ',' || c == '"' || c == ' ' || c == '\r' || c == '\n' || c == '\t';
  };
  if (!text.empty() && std::none_of(text.begin(), text.end(), is_special)) {
    out += text;
    return;
  }
  out.push_back('"');
  for (auto c : text) {
    if (c == '"')
      out.push_back('"');
    out.push_back(c);
  }
  out.push_back('"');
}

void append_csv_value(const cell& value, const data_type& type, std::string& out) {
  switch (value.kind()) {
  case cell_kind::null:
    return;
  case cell_kind::string:
    return append_csv_text(value.as_text(), out);
  case cell_kind::bytes:
    if (value.as_text().empty())
      out += "\"\"";
    return append_base64(value.as_text(), out);
  case cell_kind::timestamp:
    return append_rfc3339(value.as_timestamp(), out);
  case cell_kind::list:
  case cell_kind::map: {
    std::string json;
    append_json_value(value, type, json);
    return append_csv_text(json, out);
  }
  case cell_kind::real:
    if (!is_number(value.as_real(), type.kind))
      return;
    [[fallthrough]];
  default:
    return append_json_value(value, type, out);
  }
}

std::vector<written_field> value_fields(const change_columns& columns) {
  auto all = columns.fields;
  for (uint32_t i = 0; columns.fields.empty() && i < columns.values.size(); ++i)
    all.push_back({columns.values[i].name, false, i});
  return all;
}

std::unique_ptr<row_writer> make_row_writer(row_format format, const change_columns& columns,
                                            const row_style& style) {
  if (format == row_format::csv)
    return std::make_unique<csv_row_writer>(columns, style);
  return std::make_unique<json_row_writer>(columns, style);
}

} // namespace keyfold
