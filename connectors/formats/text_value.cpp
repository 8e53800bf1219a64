#include "connectors/formats/text_value.hpp"

#include "connectors/formats/base64.hpp"
#include "features/decimal.hpp"
#include "features/timestamp_format.hpp"

#include <fast_float/fast_float.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace keyfold {

namespace {

constexpr size_t sample_bytes = 40;

bool equal_ignoring_case(std::string_view text, std::string_view lower) noexcept {
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(),
                    [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; });
}

bool read_boolean(std::string_view text, cell& out) noexcept {
  auto yes = equal_ignoring_case(text, "true");
  if (!yes && !equal_ignoring_case(text, "false"))
    return false;
  out = cell::boolean(yes);
  return true;
}

bool read_bytes(std::string_view text, arena& memory, cell& out) {
  auto size = base64_size(text);
  if (!size)
    return false;
  auto* to = memory.allocate_text(*size);
  if (!decode_base64(text, to))
    return false;
  out = cell::bytes({to, *size});
  return true;
}

std::string expected_timestamp(const stream_field& field) {
  switch (field.unit) {
  case timestamp_unit::seconds:
    return "a timestamp in seconds";
  case timestamp_unit::milliseconds:
    return "a timestamp in milliseconds";
  case timestamp_unit::microseconds:
    return "a timestamp in microseconds";
  case timestamp_unit::pattern:
    return fmt::format("a timestamp written as `{}`", field.pattern);
  case timestamp_unit::rfc3339:
    break;
  }
  return "a timestamp such as 2024-02-29T23:59:59Z";
}

std::string expected(const stream_field& field) {
  switch (field.type.kind) {
  case type_kind::boolean:
    return "true or false";
  case type_kind::int32:
    return "an int32";
  case type_kind::int64:
    return "an int64";
  case type_kind::bytes:
    return "bytes in base64";
  case type_kind::timestamp:
    return expected_timestamp(field);
  default:
    return "a " + to_string(field.type);
  }
}

} // namespace

bool make_real(double value, type_kind kind, cell& out) {
  if (kind == type_kind::float32) {
    // The rounding must not reach infinity: that conversion is undefined.
    if (std::abs(value) > static_cast<double>(std::numeric_limits<float>::max()))
      return false;
    value = static_cast<double>(static_cast<float>(value));
  }
  if (!std::isfinite(value))
    return false;
  out = cell::real(value);
  return true;
}

bool read_real(std::string_view text, type_kind kind, cell& out) {
  double value = 0;
  auto read = fast_float::from_chars(text.data(), text.data() + text.size(), value);
  return read.ec == std::errc{} && read.ptr == text.data() + text.size()
         && make_real(value, kind, out);
}

bool read_integer(std::string_view text, type_kind kind, cell& out) {
  int64_t value = 0;
  auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc{} || read.ptr != text.data() + text.size()) {
    auto whole = parse_decimal(text, decimal_digits, 0);
    if (!whole)
      return false;
    value = *whole;
  }
  if (!in_range(value, kind))
    return false;
  out = cell::integer(value);
  return true;
}

bool read_text_value(std::string_view text, const data_type& type, const stream_field& field,
                     arena& memory, cell& out) {
  switch (type.kind) {
  case type_kind::boolean:
    return read_boolean(text, out);
  case type_kind::int32:
  case type_kind::int64:
    return read_integer(text, type.kind, out);
  case type_kind::float32:
  case type_kind::float64:
    return read_real(text, type.kind, out);
  case type_kind::decimal:
    if (auto unscaled = parse_decimal(text, type.precision, type.scale)) {
      out = cell::decimal(*unscaled, type.scale);
      return true;
    }
    return false;
  case type_kind::string:
    out = cell::string(memory.copy(text));
    return true;
  case type_kind::bytes:
    return read_bytes(text, memory, out);
  case type_kind::timestamp:
    if (auto at = parse_timestamp(text, field.unit, field.pattern)) {
      out = cell::timestamp(*at);
      return true;
    }
    return false;
  case type_kind::null:
  case type_kind::list:
  case type_kind::map:
    break;
  }
  return false;
}

std::string sample(std::string_view text) {
  auto cut = std::min(text.size(), sample_bytes);
  while (cut < text.size() && cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xc0) == 0x80)
    --cut;
  std::string shown{text.substr(0, cut)};
  for (auto& c : shown)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      c = '?';
  if (cut < text.size())
    shown += "…";
  return shown;
}

error wrong_value(const stream_field& field, std::string_view found, bool quote) {
  auto mark = quote ? "\"" : "";
  return error{fmt::format("field `{}`: expected {}, found {}{}{}", field.name, expected(field),
                           mark, sample(found), mark)};
}

} // namespace keyfold
