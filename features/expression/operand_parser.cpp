#include "features/expression/operand_parser.hpp"

#include "features/decimal.hpp"
#include "features/timestamp_format.hpp"

#include <fast_float/fast_float.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace keyfold::expressions {

namespace {

constexpr std::array<std::string_view, 19> reserved_words{
    "AND",   "OR",   "NOT",  "IN",   "BETWEEN", "LIKE", "ESCAPE", "IS",       "NULL", "TRUE",
    "FALSE", "CASE", "WHEN", "THEN", "ELSE",    "END",  "CAST",   "TRY_CAST", "AS"};

/// Functions whose first argument may be a bare unit, as in TIMESTAMPDIFF(DAY, a, b).
constexpr std::array<std::string_view, 5> unit_functions{
    "TIMESTAMP_ADD", "TIMESTAMPADD", "TIMESTAMP_DIFF", "TIMESTAMPDIFF", "DATE_TRUNC"};

template <size_t size>
bool among(std::string_view word, const std::array<std::string_view, size>& words) {
  return std::any_of(words.begin(), words.end(),
                     [word](std::string_view x) { return same_word(word, x); });
}

struct type_alias {
  std::string_view name;
  std::string_view type;
};
constexpr std::array type_aliases{type_alias{"boolean", "bool"},   type_alias{"int", "int32"},
                                  type_alias{"integer", "int32"},  type_alias{"bigint", "int64"},
                                  type_alias{"long", "int64"},     type_alias{"real", "float"},
                                  type_alias{"float32", "float"},  type_alias{"float64", "double"},
                                  type_alias{"varchar", "string"}, type_alias{"text", "string"},
                                  type_alias{"char", "string"},    type_alias{"numeric", "decimal"},
                                  type_alias{"varbinary", "bytes"}};

} // namespace

syntax_ptr operand_parser::primary() {
  switch (here().kind) {
  case token_kind::integer:
  case token_kind::decimal:
  case token_kind::real:
    return number_literal(false);
  case token_kind::string: {
    const auto& at = take();
    return text_literal(unquote(at.text), at.offset);
  }
  case token_kind::quoted:
    return column();
  case token_kind::word:
    return word();
  default:
    break;
  }
  if (!accept_symbol("("))
    return refuse(fmt::format("a value is expected instead of `{}`", shown()));
  auto x = expression();
  return x && expect_symbol(")") ? std::move(x) : nullptr;
}

syntax_ptr operand_parser::word() {
  if (at_word("CASE"))
    return case_of();
  if (at_word("CAST") || at_word("TRY_CAST"))
    return cast();
  if (at_word("NULL") || at_word("TRUE") || at_word("FALSE")) {
    auto x = leaf(operation::literal, here().offset);
    x->type.kind = at_word("NULL") ? type_kind::null : type_kind::boolean;
    x->integer = at_word("TRUE") ? 1 : 0;
    take();
    return x;
  }
  if (among(here().text, reserved_words))
    return refuse(fmt::format("a value is expected instead of {}: put a column of that name in "
                              "double quotes",
                              upper_case(here().text)));
  if (ahead().kind == token_kind::symbol && ahead().text == "(")
    return call();
  if (at_word("TIMESTAMP") && ahead().kind == token_kind::string)
    return timestamp_literal();
  return column();
}

syntax_ptr operand_parser::column() {
  auto x = leaf(operation::column, here().offset);
  auto take_part = [&] {
    const auto& part = take();
    x->name.append(part.kind == token_kind::quoted ? unquote(part.text) : std::string{part.text});
  };
  take_part();
  while (accept_symbol(".")) {
    // All columns of something: for languages that count rows, e.g. COUNT(A.*).
    if (accept_symbol("*")) {
      x->name.append(".*");
      return x;
    }
    if (here().kind != token_kind::word && here().kind != token_kind::quoted)
      return refuse("a name is expected after the point");
    x->name.push_back('.');
    take_part();
  }
  return x;
}

syntax_ptr operand_parser::number_literal(bool negative) {
  const auto& at = take();
  auto x = leaf(operation::literal, at.offset);
  x->name = at.text;
  if (at.kind == token_kind::integer)
    return integer_literal(std::move(x), negative);
  auto point = at.text.find('.');
  auto scale = at.kind == token_kind::decimal ? at.text.size() - point - 1 : size_t{0};
  auto whole = at.text.substr(0, point);
  whole.remove_prefix(std::min(whole.find_first_not_of('0'), whole.size()));
  if (at.kind == token_kind::decimal && whole.size() + scale <= decimal_digits) {
    auto digits = std::max(whole.size() + scale, size_t{1});
    x->type = {type_kind::decimal, static_cast<uint8_t>(digits), static_cast<uint8_t>(scale),
               nullptr};
    auto unscaled = parse_decimal(at.text, decimal_digits, x->type.scale).value_or(0);
    x->integer = negative ? -unscaled : unscaled;
    return x;
  }
  x->type.kind = type_kind::float64;
  auto parsed = fast_float::from_chars(at.text.data(), at.text.data() + at.text.size(), x->real);
  if (parsed.ec != std::errc{} || !std::isfinite(x->real))
    return refuse_at(at.offset, "number is too large for a double");
  if (negative)
    x->real = -x->real;
  return x;
}

syntax_ptr operand_parser::integer_literal(syntax_ptr x, bool negative) {
  x->type.kind = type_kind::int64;
  if (negative)
    x->name.insert(x->name.begin(), '-');
  auto [end, problem] =
      std::from_chars(x->name.data(), x->name.data() + x->name.size(), x->integer);
  if (problem != std::errc{})
    return refuse_at(x->offset, "integer is too large for 64 bits: write it with a point or an "
                                "exponent to make it a double");
  return x;
}

syntax_ptr operand_parser::timestamp_literal() {
  auto x = leaf(operation::literal, take().offset);
  x->type.kind = type_kind::timestamp;
  auto at = parse_timestamp(unquote(here().text), timestamp_unit::rfc3339);
  if (!at)
    return refuse(at.error().message);
  x->integer = at->time_since_epoch().count();
  take();
  return x;
}

syntax_ptr operand_parser::case_of() {
  auto x = leaf(operation::case_searched, take().offset);
  if (!at_word("WHEN")) {
    x->what = operation::case_simple;
    x = adopt(std::move(x), expression());
  }
  if (x && !at_word("WHEN"))
    return refuse(fmt::format("WHEN is expected instead of `{}`", shown()));
  while (x && accept_word("WHEN")) {
    x = adopt(std::move(x), expression());
    if (!x || !expect_word("THEN"))
      return nullptr;
    x = adopt(std::move(x), expression());
  }
  if (x && accept_word("ELSE"))
    x = adopt(std::move(x), expression());
  return x && expect_word("END") ? std::move(x) : nullptr;
}

syntax_ptr operand_parser::cast() {
  auto x = leaf(operation::cast, take().offset);
  if (!expect_symbol("("))
    return nullptr;
  x = adopt(std::move(x), expression());
  if (!x || !expect_word("AS") || !type_name(x->type))
    return nullptr;
  return expect_symbol(")") ? std::move(x) : nullptr;
}

/// Everything up to the parenthesis that closes the CAST is the type's text.
bool operand_parser::type_name(data_type& out) {
  auto offset = here().offset;
  std::string text;
  auto open = 0;
  while (here().kind != token_kind::end && !(open == 0 && at_symbol(")"))) {
    open += at_symbol("(") ? 1 : at_symbol(")") ? -1 : 0;
    std::string part{here().text};
    std::transform(part.begin(), part.end(), part.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    for (const auto& alias : type_aliases)
      if (part == alias.name)
        part = alias.type;
    text += part;
    take();
  }
  auto type = parse_data_type(text);
  if (!type) {
    refuse_at(offset, std::move(type).error().message);
    return false;
  }
  out = *std::move(type);
  return true;
}

syntax_ptr operand_parser::call() {
  const auto& at = take();
  auto x = leaf(operation::call, at.offset);
  x->name = upper_case(at.text);
  take();
  if (x->name == "EXTRACT")
    return closed(extract(std::move(x)));
  if (x->name == "TRIM")
    return closed(trim(std::move(x)));
  if (x->name == "POSITION")
    return closed(position(std::move(x)));
  if (accept_symbol(")"))
    return x;
  if (x->name == "COUNT" && accept_symbol("*"))
    return closed(std::move(x));
  if (among(x->name, unit_functions) && here().kind == token_kind::word && ahead().text == ",")
    x = adopt(std::move(x), unit());
  else
    x = adopt(std::move(x), expression());
  if (x && (x->name == "SUBSTRING" || x->name == "SUBSTR") && accept_word("FROM")) {
    x = adopt(std::move(x), expression());
    if (x && accept_word("FOR"))
      x = adopt(std::move(x), expression());
  }
  while (x && accept_symbol(","))
    x = adopt(std::move(x), expression());
  return closed(std::move(x));
}

syntax_ptr operand_parser::closed(syntax_ptr x) {
  return x && expect_symbol(")") ? std::move(x) : nullptr;
}

/// A bare word as a text.
syntax_ptr operand_parser::unit() {
  const auto& at = take();
  return text_literal(at.text, at.offset);
}

syntax_ptr operand_parser::extract(syntax_ptr x) {
  if (here().kind != token_kind::word)
    return refuse("a unit is expected, e.g. EXTRACT(HOUR FROM at)");
  x = adopt(std::move(x), unit());
  if (!x || !expect_word("FROM"))
    return nullptr;
  return adopt(std::move(x), expression());
}

/// `TRIM(text)`, `TRIM(text, characters)` or `TRIM([BOTH|LEADING|TRAILING] [characters] FROM
/// text)`; the result is a call of TRIM, LTRIM or RTRIM with the text first.
syntax_ptr operand_parser::trim(syntax_ptr x) {
  auto side = ahead().kind != token_kind::symbol || ahead().text == "(";
  auto named = side && (at_word("BOTH") || at_word("LEADING") || at_word("TRAILING"));
  if (named) {
    x->name = at_word("BOTH") ? "TRIM" : at_word("LEADING") ? "LTRIM" : "RTRIM";
    take();
  }
  if (named && accept_word("FROM"))
    return adopt(std::move(x), expression());
  auto first = expression();
  if (first && accept_word("FROM"))
    return adopt(adopt(std::move(x), expression()), std::move(first));
  if (first && named)
    return refuse("FROM is expected, e.g. TRIM(LEADING '0' FROM code)");
  x = adopt(std::move(x), std::move(first));
  if (x && accept_symbol(","))
    x = adopt(std::move(x), expression());
  return x;
}

/// `POSITION(part IN text)`, as a call of STRPOS(text, part).
syntax_ptr operand_parser::position(syntax_ptr x) {
  x->name = "STRPOS";
  // IN would be read as an operator by `expression`.
  auto part = concatenation();
  if (!part || !expect_word("IN"))
    return nullptr;
  return adopt(adopt(std::move(x), expression()), std::move(part));
}

} // namespace keyfold::expressions
