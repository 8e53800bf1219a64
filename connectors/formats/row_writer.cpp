#include "connectors/formats/row_writer.hpp"

#include "connectors/formats/base64.hpp"
#include "features/decimal.hpp"
#include "features/timestamp_format.hpp"
#include "features/timestamp_writer.hpp"

#include <fmt/compile.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>
#include <string_view>
#include <vector>

namespace keyfold {

namespace {

void append_integer(int64_t x, std::string& out) {
  fmt::format_int text{x};
  out.append(text.data(), text.size());
}

/// The shortest text that reads back as `x`, as a number of `kind`, and shows that it is a real:
/// with a point or an exponent. @pre `x` is finite
void append_real(double x, type_kind kind, std::string& out) {
  char text[64];
  auto* end = kind == type_kind::float32
                  ? fmt::format_to(text, FMT_COMPILE("{}"), static_cast<float>(x))
                  : fmt::format_to(text, FMT_COMPILE("{}"), x);
  out.append(text, end);
  if (std::none_of(text, end, [](char c) { return c == '.' || c == 'e'; }))
    out += ".0";
}

/// How many of the first bytes of `text` are one UTF-8 character of several bytes; 0 if none.
size_t multibyte_length(std::string_view text) noexcept {
  auto byte = [&](size_t i) {
    return i < text.size() ? static_cast<uint8_t>(text[i]) : uint8_t{0};
  };
  auto first = byte(0);
  size_t length = first >= 0xf0 && first < 0xf5 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first >= 0xf5)
    return 0;
  for (size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80)
      return 0;
  // Overlong forms, surrogates and what lies beyond U+10FFFF.
  if ((first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) > 0x9f)
      || (first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) > 0x8f))
    return 0;
  return length;
}

void append_escape(char c, std::string& out) {
  switch (c) {
  case '"':
    out += "\\\"";
    return;
  case '\\':
    out += "\\\\";
    return;
  case '\n':
    out += "\\n";
    return;
  case '\r':
    out += "\\r";
    return;
  case '\t':
    out += "\\t";
    return;
  default:
    fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
  }
}

bool is_plain(char c) noexcept {
  auto byte = static_cast<uint8_t>(c);
  return byte >= 0x20 && byte < 0x80 && c != '"' && c != '\\';
}

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
  void write(std::span<const cell> key, std::span<const cell> values,
             const std::vector<placed_field>& fields, std::string& out) const {
    if (fields.empty())
      out.push_back('{');
    for (const auto& x : fields) {
      out += x.name;
      const auto& value = x.of(key, values);
      if (timestamps_ && value.kind() == cell_kind::timestamp)
        write_timestamp(value.as_timestamp(), out);
      else
        append_json_value(value, x.type, out);
    }
    out.push_back('}');
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

void append_json_string(std::string_view text, std::string& out) {
  out.push_back('"');
  while (!text.empty()) {
    size_t plain = 0;
    while (plain < text.size() && is_plain(text[plain]))
      ++plain;
    out.append(text.data(), plain);
    text.remove_prefix(plain);
    if (text.empty())
      break;
    if (static_cast<uint8_t>(text.front()) < 0x80) {
      append_escape(text.front(), out);
      text.remove_prefix(1);
    } else if (auto length = multibyte_length(text)) {
      out.append(text.data(), length);
      text.remove_prefix(length);
    } else {
      out += "\xef\xbf\xbd";
      text.remove_prefix(1);
    }
  }
  out.push_back('"');
}

void append_json_value(const cell& value, const data_type& type, std::string& out) {
  switch (value.kind()) {
  case cell_kind::null:
    out += "null";
    return;
  case cell_kind::boolean:
    out += value.as_boolean() ? "true" : "false";
    return;
  case cell_kind::integer:
    return append_integer(value.as_integer(), out);
  case cell_kind::real:
    if (std::isfinite(value.as_real()))
      append_real(value.as_real(), type.kind, out);
    else
      out += "null";
    return;
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
  if (!text.empty() && text.find_first_of(",\" \r\n\t") == std::string_view::npos) {
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
    if (!std::isfinite(value.as_real()))
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
