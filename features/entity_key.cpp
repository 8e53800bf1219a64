#include "features/entity_key.hpp"

#include "features/decimal.hpp"
#include "features/timestamp_format.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

namespace keyfold {

namespace {

void append_escaped(std::string_view text, std::string& out) {
  if (text.find_first_of("|\\") == std::string_view::npos) {
    out.append(text);
    return;
  }
  for (auto c : text) {
    if (c == '|' || c == '\\')
      out.push_back('\\');
    out.push_back(c);
  }
}

void append_real(double x, std::string& out) {
  // Minus zero equals zero: it must have the same text.
  fmt::format_to(std::back_inserter(out), "{}", x == 0 ? 0.0 : x);
}

/// Trailing zeros are left out, so that a value has one text whatever the scale of its column.
void append_key_decimal(const cell& x, std::string& out) {
  auto unscaled = x.unscaled();
  auto scale = x.scale();
  while (scale > 0 && unscaled % 10 == 0) {
    unscaled /= 10;
    --scale;
  }
  append_decimal(cell::decimal(unscaled, scale), out);
}

bool append_field(const cell& x, std::string& out) {
  switch (x.kind()) {
  case cell_kind::boolean:
    out.append(x.as_boolean() ? "true" : "false");
    return true;
  case cell_kind::integer:
    out.append(fmt::format_int{x.as_integer()}.c_str());
    return true;
  case cell_kind::real:
    append_real(x.as_real(), out);
    return true;
  case cell_kind::decimal:
    append_key_decimal(x, out);
    return true;
  case cell_kind::string:
  case cell_kind::bytes:
    append_escaped(x.as_text(), out);
    return true;
  case cell_kind::timestamp:
    append_rfc3339(x.as_timestamp(), out);
    return true;
  case cell_kind::null:
  case cell_kind::list:
  case cell_kind::map:
    return false;
  }
  return false;
}

template <class T>
std::optional<T> read_number(std::string_view text) {
  T x{};
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), x);
  if (problem != std::errc{} || end != text.data() + text.size())
    return std::nullopt;
  return x;
}

template <class T>
std::optional<cell> integer_field(std::string_view text) {
  auto x = read_number<T>(text);
  return x ? std::optional{cell::integer(*x)} : std::nullopt;
}

std::optional<cell> read_field(std::string_view text, const data_type& type) {
  switch (type.kind) {
  case type_kind::boolean:
    if (text != "true" && text != "false")
      return std::nullopt;
    return cell::boolean(text == "true");
  case type_kind::int32:
    return integer_field<int32_t>(text);
  case type_kind::int64:
    return integer_field<int64_t>(text);
  case type_kind::float32:
  case type_kind::float64: {
    auto x = read_number<double>(text);
    return x ? std::optional{cell::real(*x)} : std::nullopt;
  }
  case type_kind::decimal: {
    auto x = parse_decimal(text, type.precision, type.scale);
    return x ? std::optional{cell::decimal(*x, type.scale)} : std::nullopt;
  }
  case type_kind::string:
    return cell::string(text);
  case type_kind::bytes:
    return cell::bytes(text);
  case type_kind::timestamp: {
    auto x = parse_timestamp(text, timestamp_unit::rfc3339);
    return x ? std::optional{cell::timestamp(*x)} : std::nullopt;
  }
  case type_kind::null:
  case type_kind::list:
  case type_kind::map:
    return std::nullopt;
  }
  return std::nullopt;
}

/// The texts of the fields, in `memory`, without their escapes. Nothing when an escape is wrong.
std::optional<std::vector<std::string_view>> split_key(std::string_view key, arena& memory) {
  std::vector<std::string_view> fields;
  auto* to = memory.allocate_text(key.size());
  auto* begin = to;
  for (size_t i = 0; i < key.size(); ++i) {
    if (key[i] == '|') {
      fields.emplace_back(begin, static_cast<size_t>(to - begin));
      begin = to;
      continue;
    }
    if (key[i] == '\\' && (++i == key.size() || (key[i] != '|' && key[i] != '\\')))
      return std::nullopt;
    *to++ = key[i];
  }
  fields.emplace_back(begin, static_cast<size_t>(to - begin));
  return fields;
}

} // namespace

bool append_entity_key(std::span<const cell> fields, std::string& out) {
  auto before = out.size();
  for (const auto& field : fields) {
    if (&field != fields.data())
      out.push_back('|');
    if (!append_field(field, out)) {
      out.resize(before);
      return false;
    }
  }
  return true;
}

result<std::vector<cell>> parse_entity_key(std::string_view key, std::span<const data_type> types,
                                           arena& memory) {
  auto shown = key.substr(0, 100);
  auto texts = split_key(key, memory);
  if (!texts)
    return fail(fmt::format("key `{}` has a `\\` that is followed by neither `|` nor `\\`: write "
                            "`\\\\` for one backslash",
                            shown));
  if (texts->size() != types.size())
    return fail(fmt::format("key `{}` has {} field(s) where the entity has {}: join them by `|`, "
                            "and write `\\|` for one inside a field",
                            shown, texts->size(), types.size()));
  std::vector<cell> fields;
  fields.reserve(types.size());
  for (size_t i = 0; i < types.size(); ++i) {
    auto field = read_field((*texts)[i], types[i]);
    if (!field)
      return fail(fmt::format("field {} of key `{}` is no {}: correct it", i + 1, shown,
                              to_string(types[i])));
    fields.push_back(*field);
  }
  return fields;
}

} // namespace keyfold
