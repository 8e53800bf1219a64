#include "connectors/formats/avro/row_encoder.hpp"

#include "connectors/formats/avro/frame.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>
#include <utility>
#include <vector>

namespace keyfold::avro {

namespace {

using nlohmann::ordered_json;

bool is_letter(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

std::string name_of(std::string_view text) {
  std::string out;
  for (auto c : text)
    out.push_back(is_letter(c) || (c >= '0' && c <= '9') ? c : '_');
  return out.empty() || !is_letter(out.front()) ? "_" + out : out;
}

ordered_json type_of(const data_type& type);

ordered_json nullable(const data_type& type) {
  if (type.kind == type_kind::null)
    return "null";
  return ordered_json::array({"null", type_of(type)});
}

ordered_json type_of(const data_type& type) {
  switch (type.kind) {
  case type_kind::null:
    return "null";
  case type_kind::boolean:
    return "boolean";
  case type_kind::int32:
    return "int";
  case type_kind::int64:
    return "long";
  case type_kind::float32:
    return "float";
  case type_kind::float64:
    return "double";
  case type_kind::string:
    return "string";
  case type_kind::bytes:
    return "bytes";
  case type_kind::decimal:
    return {{"type", "bytes"},
            {"logicalType", "decimal"},
            {"precision", type.precision},
            {"scale", type.scale}};
  case type_kind::timestamp:
    return {{"type", "long"}, {"logicalType", "timestamp-micros"}};
  case type_kind::list:
    return {{"type", "array"}, {"items", nullable(*type.element)}};
  case type_kind::map:
    return {{"type", "map"}, {"values", nullable(*type.element)}};
  }
  return "null";
}

/// A field of a record: what it is called and which cell it is.
struct part {
  std::string name;
  data_type type;
  bool of_key;
  uint32_t column;
};

std::vector<part> parts_of_key(const change_columns& columns) {
  std::vector<part> out;
  for (uint32_t i = 0; i < columns.key.size(); ++i)
    out.push_back({columns.key[i].name, columns.key[i].type, true, i});
  return out;
}

std::vector<part> parts_of_value(const change_columns& columns) {
  std::vector<part> out;
  for (const auto& x : value_fields(columns))
    out.push_back(
        {x.name, (x.of_key ? columns.key : columns.values)[x.column].type, x.of_key, x.column});
  return out;
}

result<std::string> schema_of(const std::string& name, const std::string& name_space,
                              const std::vector<part>& parts) {
  std::map<std::string, std::string> taken;
  auto fields = ordered_json::array();
  for (const auto& x : parts) {
    auto field = name_of(x.name);
    if (auto [known, fresh] = taken.emplace(field, x.name); !fresh)
      return fail(
          fmt::format("the columns `{}` and `{}` would both be called `{}` in Avro: give one "
                      "of them another name by the output's `columns`",
                      known->second, x.name, field));
    ordered_json made{{"name", field}, {"type", nullable(x.type)}, {"default", nullptr}};
    if (field != x.name)
      made["doc"] = x.name;
    fields.push_back(std::move(made));
  }
  ordered_json record{
      {"type", "record"}, {"name", name}, {"namespace", name_space}, {"fields", std::move(fields)}};
  return record.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

void append_number(int64_t x, std::string& out) {
  auto bits = static_cast<uint64_t>(x) << 1 ^ static_cast<uint64_t>(x >> 63);
  for (; bits >= 0x80; bits >>= 7)
    out.push_back(static_cast<char>(bits | 0x80));
  out.push_back(static_cast<char>(bits));
}

void append_text(std::string_view x, std::string& out) {
  append_number(static_cast<int64_t>(x.size()), out);
  out += x;
}

template <class T>
void append_bits(T x, std::string& out) {
  static_assert(std::endian::native == std::endian::little);
  char bytes[sizeof x];
  std::memcpy(bytes, &x, sizeof x);
  out.append(bytes, sizeof x);
}

/// In two's complement, big-endian, with as few bytes as hold it.
void append_unscaled(int64_t x, std::string& out) {
  int size = 1;
  while (size < 8 && (x >> (8 * size - 1)) != (x < 0 ? -1 : 0))
    ++size;
  append_number(size, out);
  for (int i = size - 1; i >= 0; --i)
    out.push_back(static_cast<char>(x >> (8 * i)));
}

void append_items(std::span<const cell> items, const data_type& element, bool map,
                  std::string& out) {
  auto width = map ? size_t{2} : size_t{1};
  if (!items.empty())
    append_number(static_cast<int64_t>(items.size() / width), out);
  for (size_t i = 0; i + width <= items.size(); i += width) {
    if (map)
      append_text(items[i].as_text(), out);
    append_value(items[i + width - 1], element, out);
  }
  append_number(0, out);
}

class row_encoder final : public row_writer {
public:
  row_encoder(const change_columns& columns, int32_t key_id, int32_t value_id)
      : key_(parts_of_key(columns)), value_(parts_of_value(columns)) {
    append_frame(key_id, key_frame_);
    append_frame(value_id, value_frame_);
  }

  void write_key(std::span<const cell> key, std::string& out) const override {
    out += key_frame_;
    for (const auto& x : key_)
      append_value(key[x.column], x.type, out);
  }
  void write_value(std::span<const cell> key, std::span<const cell> values,
                   std::string& out) const override {
    out += value_frame_;
    for (const auto& x : value_)
      append_value((x.of_key ? key : values)[x.column], x.type, out);
  }
  bool takes(std::span<const cell> key, std::span<const cell> values) const override {
    auto fits = [](const cell& x, const data_type& type) {
      return x.is_null() || x.kind() == cell_kind_of(type.kind);
    };
    auto all = [&](const std::vector<part>& parts) {
      return std::all_of(parts.begin(), parts.end(), [&](const part& x) {
        return fits((x.of_key ? key : values)[x.column], x.type);
      });
    };
    return all(key_) && (values.empty() || all(value_));
  }

private:
  std::vector<part> key_;
  std::vector<part> value_;
  std::string key_frame_;
  std::string value_frame_;
};

} // namespace

result<row_schemas> derive_schemas(const change_columns& columns, const std::string& name_space) {
  auto name = name_of(columns.view);
  auto key = schema_of(name + "_key", name_space, parts_of_key(columns));
  auto value = schema_of(name, name_space, parts_of_value(columns));
  if (!key || !value)
    return tl::unexpected{key ? value.error() : key.error()};
  return row_schemas{std::move(*key), std::move(*value)};
}

std::unique_ptr<row_writer> make_row_encoder(const change_columns& columns, int32_t key_id,
                                             int32_t value_id) {
  return std::make_unique<row_encoder>(columns, key_id, value_id);
}

void append_value(const cell& value, const data_type& type, std::string& out) {
  if (type.kind == type_kind::null)
    return;
  out.push_back(value.is_null() ? '\0' : '\2'); // the branch of the union
  switch (value.kind()) {
  case cell_kind::null:
    return;
  case cell_kind::boolean:
    out.push_back(value.as_boolean() ? '\1' : '\0');
    return;
  case cell_kind::integer:
    return append_number(value.as_integer(), out);
  case cell_kind::real:
    return type.kind == type_kind::float32 ? append_bits(static_cast<float>(value.as_real()), out)
                                           : append_bits(value.as_real(), out);
  case cell_kind::decimal:
    return append_unscaled(value.unscaled(), out);
  case cell_kind::string:
  case cell_kind::bytes:
    return append_text(value.as_text(), out);
  case cell_kind::timestamp:
    return append_number(value.as_timestamp().time_since_epoch().count(), out);
  case cell_kind::list:
  case cell_kind::map:
    return append_items(value.items(), *type.element, value.kind() == cell_kind::map, out);
  }
}

} // namespace keyfold::avro
