#include "features/expression/conversion.hpp"

#include "features/decimal.hpp"
#include "features/expression/lexer.hpp"
#include "features/expression/utf8.hpp"
#include "features/timestamp_format.hpp"

#include <fast_float/fast_float.h>
#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <limits>

namespace keyfold::expressions {

namespace {

using conversion = node::conversion;

std::string_view trimmed(std::string_view text) noexcept {
  while (text.starts_with(' '))
    text.remove_prefix(1);
  while (text.ends_with(' '))
    text.remove_suffix(1);
  return text;
}

cell unchanged(const cell& x, const node& /*self*/, evaluation& /*with*/) {
  return x;
}

// ---- to a boolean

cell integer_to_boolean(const cell& x, const node& /*self*/, evaluation& /*with*/) {
  return cell::boolean(x.as_integer() != 0);
}

cell text_to_boolean(const cell& x, const node& /*self*/, evaluation& /*with*/) {
  auto text = trimmed(x.as_text());
  if (same_word(text, "true") || text == "1")
    return cell::boolean(true);
  return same_word(text, "false") || text == "0" ? cell::boolean(false) : cell{};
}

// ---- to an integer; `detail` is the number of bits

cell integer_in_range(int64_t x, const node& self) noexcept {
  if (self.detail == 32
      && (x < std::numeric_limits<int32_t>::min() || x > std::numeric_limits<int32_t>::max()))
    return {};
  return cell::integer(x);
}

cell boolean_to_integer(const cell& x, const node& /*self*/, evaluation& /*with*/) {
  return cell::integer(x.as_boolean() ? 1 : 0);
}

cell integer_to_integer(const cell& x, const node& self, evaluation& /*with*/) {
  return integer_in_range(x.as_integer(), self);
}

cell real_to_integer(const cell& x, const node& self, evaluation& /*with*/) {
  constexpr auto limit = 9223372036854775808.0;
  auto whole = std::trunc(x.as_real());
  // False for NaN, too.
  if (whole >= -limit && whole < limit)
    return integer_in_range(static_cast<int64_t>(whole), self);
  return {};
}

cell decimal_to_integer(const cell& x, const node& self, evaluation& /*with*/) {
  return integer_in_range(x.unscaled() / powers_of_ten[x.scale()], self);
}

cell text_to_integer(const cell& x, const node& self, evaluation& /*with*/) {
  auto text = trimmed(x.as_text());
  if (text.starts_with('+') && !text.starts_with("+-"))
    text.remove_prefix(1);
  int64_t number = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc{} || end != text.data() + text.size())
    return {};
  return integer_in_range(number, self);
}

// ---- to a real; `detail` is the number of bits

cell real_in_range(double x, const node& self) noexcept {
  if (self.detail == 32) {
    if (std::fabs(x) > static_cast<double>(std::numeric_limits<float>::max()))
      return {};
    return finite_real(static_cast<double>(static_cast<float>(x)));
  }
  return cell::real(x);
}

cell integer_to_real(const cell& x, const node& self, evaluation& /*with*/) {
  return real_in_range(static_cast<double>(x.as_integer()), self);
}

cell real_to_real(const cell& x, const node& self, evaluation& /*with*/) {
  return real_in_range(x.as_real(), self);
}

cell decimal_to_real(const cell& x, const node& self, evaluation& /*with*/) {
  return real_in_range(decimal_to_double(x.unscaled(), x.scale()), self);
}

cell text_to_real(const cell& x, const node& self, evaluation& /*with*/) {
  auto text = trimmed(x.as_text());
  auto number = 0.0;
  auto [end, problem] = fast_float::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc{} || end != text.data() + text.size())
    return {};
  auto finite = finite_real(number);
  return finite.is_null() ? finite : real_in_range(number, self);
}

// ---- to a decimal; `detail` is the scale

cell decimal_in_range(std::optional<int64_t> unscaled, const node& self) noexcept {
  auto limit = powers_of_ten[static_cast<size_t>(self.precision)];
  if (!unscaled || *unscaled >= limit || *unscaled <= -limit)
    return {};
  return cell::decimal(*unscaled, static_cast<uint8_t>(self.detail));
}

cell integer_to_decimal(const cell& x, const node& self, evaluation& /*with*/) {
  return decimal_in_range(rescale_decimal(x.as_integer(), 0, self.detail), self);
}

cell decimal_to_decimal(const cell& x, const node& self, evaluation& /*with*/) {
  return decimal_in_range(rescale_decimal(x.unscaled(), x.scale(), self.detail), self);
}

cell real_to_decimal(const cell& x, const node& self, evaluation& /*with*/) {
  auto power = powers_of_ten[static_cast<size_t>(self.detail)];
  auto scaled = static_cast<long double>(x.as_real()) * static_cast<long double>(power);
  // False for NaN, too.
  if (std::fabs(scaled) < 1e18L)
    return decimal_in_range(std::llround(scaled), self);
  return {};
}

cell text_to_decimal(const cell& x, const node& self, evaluation& /*with*/) {
  return decimal_in_range(parse_decimal(trimmed(x.as_text()), static_cast<uint8_t>(self.precision),
                                        static_cast<uint8_t>(self.detail)),
                          self);
}

cell any_as_decimal(const cell& x, const node& /*self*/, evaluation& /*with*/) {
  return cell::decimal(x.as_integer(), 0);
}

// ---- to a text

cell made_text(std::string_view text, evaluation& with) {
  auto* to = with.make_text(text.size());
  if (!to)
    return {};
  std::memcpy(to, text.data(), text.size());
  return cell::string({to, text.size()});
}

cell boolean_to_text(const cell& x, const node& /*self*/, evaluation& /*with*/) {
  return cell::string(x.as_boolean() ? "true" : "false");
}

cell integer_to_text(const cell& x, const node& /*self*/, evaluation& with) {
  fmt::format_int text{x.as_integer()};
  return made_text({text.data(), text.size()}, with);
}

cell real_to_text(const cell& x, const node& /*self*/, evaluation& with) {
  char buffer[64];
  auto end = fmt::format_to(buffer, "{}", x.as_real());
  return made_text({buffer, static_cast<size_t>(end - buffer)}, with);
}

cell decimal_to_text(const cell& x, const node& /*self*/, evaluation& with) {
  std::string text;
  append_decimal(x, text);
  return made_text(text, with);
}

cell timestamp_to_text(const cell& x, const node& /*self*/, evaluation& with) {
  return made_text(format_rfc3339(x.as_timestamp()), with);
}

cell bytes_to_text(const cell& x, const node& /*self*/, evaluation& /*with*/) {
  return is_utf8(x.as_text()) ? cell::string(x.as_text()) : cell{};
}

// ---- to the rest

cell text_to_bytes(const cell& x, const node& /*self*/, evaluation& /*with*/) {
  return cell::bytes(x.as_text());
}

cell text_to_timestamp(const cell& x, const node& /*self*/, evaluation& /*with*/) {
  auto at = read_timestamp(trimmed(x.as_text()), timestamp_unit::rfc3339);
  return at ? cell::timestamp(*at) : cell{};
}

/// What makes the kind `to` of each kind of cell; null where nothing does.
struct conversions {
  conversion boolean = nullptr;
  conversion integer = nullptr;
  conversion real = nullptr;
  conversion decimal = nullptr;
  conversion string = nullptr;
  conversion bytes = nullptr;
  conversion timestamp = nullptr;
};

conversions conversions_to(type_kind to) noexcept {
  switch (cell_kind_of(to)) {
  case cell_kind::boolean:
    return {unchanged, integer_to_boolean, nullptr, nullptr, text_to_boolean};
  case cell_kind::integer:
    return {boolean_to_integer, integer_to_integer, real_to_integer, decimal_to_integer,
            text_to_integer};
  case cell_kind::real:
    return {nullptr, integer_to_real, real_to_real, decimal_to_real, text_to_real};
  case cell_kind::decimal:
    return {nullptr, integer_to_decimal, real_to_decimal, decimal_to_decimal, text_to_decimal};
  case cell_kind::string:
    return {boolean_to_text, integer_to_text, real_to_text,     decimal_to_text,
            unchanged,       bytes_to_text,   timestamp_to_text};
  case cell_kind::bytes:
    return {nullptr, nullptr, nullptr, nullptr, text_to_bytes, unchanged};
  case cell_kind::timestamp:
    return {nullptr, nullptr, nullptr, nullptr, text_to_timestamp, nullptr, unchanged};
  default:
    return {};
  }
}

conversion conversion_of(type_kind from, type_kind to) noexcept {
  auto from_each = conversions_to(to);
  switch (cell_kind_of(from)) {
  case cell_kind::boolean:
    return from_each.boolean;
  case cell_kind::integer:
    return from_each.integer;
  case cell_kind::real:
    return from_each.real;
  case cell_kind::decimal:
    return from_each.decimal;
  case cell_kind::string:
    return from_each.string;
  case cell_kind::bytes:
    return from_each.bytes;
  case cell_kind::timestamp:
    return from_each.timestamp;
  default:
    return nullptr;
  }
}

cell run_conversion(const node& self, evaluation& with) {
  auto x = self.evaluate(0, with);
  return x.is_null() ? x : self.convert(x, self, with);
}

} // namespace

bool convertible(const data_type& from, const data_type& to) noexcept {
  return from.kind == type_kind::null || from == to || conversion_of(from.kind, to.kind) != nullptr;
}

node convert_node(const data_type& from, const data_type& to, node child) {
  if (from.kind == type_kind::null || from == to)
    return child;
  node x;
  x.run = run_conversion;
  x.convert = conversion_of(from.kind, to.kind);
  if (to.kind == type_kind::decimal) {
    x.detail = to.scale;
    x.precision = to.precision;
  } else {
    x.detail = to.kind == type_kind::int32 || to.kind == type_kind::float32 ? 32 : 64;
  }
  x.children.push_back(std::move(child));
  return x;
}

node integer_as_decimal_node(node child) {
  node x;
  x.run = strict_unary<any_as_decimal>;
  x.children.push_back(std::move(child));
  return x;
}

} // namespace keyfold::expressions
