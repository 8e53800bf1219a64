#include "features/expression/typing.hpp"

#include "features/decimal.hpp"
#include "features/expression/comparison.hpp"
#include "features/expression/conversion.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace keyfold::expressions {

namespace {

/// Text that a constant part may make; a part that makes more is left for the evaluation.
constexpr size_t most_folded_text = size_t{4} << 10;

/// Digits that the integers of a part may have.
int digits_of(const typed_node& x) {
  if (x.type.kind == type_kind::int32)
    return 10;
  if (!x.constant || x.code.literal.is_null())
    return decimal_digits;
  auto digits = 1;
  for (auto rest = x.code.literal.as_integer() / 10; rest != 0; rest /= 10)
    ++digits;
  return std::min(digits, decimal_digits);
}

data_type decimal_type_of(const typed_node& x) {
  if (x.type.kind == type_kind::decimal)
    return x.type;
  return {type_kind::decimal, static_cast<uint8_t>(digits_of(x)), 0, nullptr};
}

data_type wider_decimal(const data_type& a, const data_type& b) {
  auto scale = std::max(a.scale, b.scale);
  auto whole = std::max(a.precision - a.scale, b.precision - b.scale);
  return {type_kind::decimal, static_cast<uint8_t>(std::min(whole + scale, decimal_digits)), scale,
          nullptr};
}

type_kind wider_number(type_kind a, type_kind b) {
  if (a == b)
    return a;
  if (is_real(a) || is_real(b))
    return type_kind::float64;
  if (a == type_kind::decimal || b == type_kind::decimal)
    return type_kind::decimal;
  return type_kind::int64;
}

std::string remedy_for(type_kind a, type_kind b) {
  auto among = [a, b](type_kind kind) { return a == kind || b == kind; };
  if (among(type_kind::list) || among(type_kind::map))
    return "compare its elements, e.g. x[1]";
  if (among(type_kind::timestamp) && among(type_kind::string))
    return "write TIMESTAMP '2024-02-29T23:59:59Z', or read the text with TO_TIMESTAMP";
  if (among(type_kind::timestamp) && (is_integer(a) || is_integer(b)))
    return "make a timestamp of the number with TIMESTAMP_SECONDS or TIMESTAMP_MILLIS";
  return "CAST one side";
}

} // namespace

std::optional<typed_node> typer::refuse(size_t offset, std::string message) {
  if (error_.message.empty())
    error_ = {std::move(message), offset};
  return std::nullopt;
}

bool typer::require(const typed_node& x, type_kind kind, std::string_view what) {
  if (x.type.kind == kind || x.type.kind == type_kind::null)
    return true;
  refuse(x.from->offset, fmt::format("{} must be {}, not {}", what,
                                     to_string({kind, 0, 0, nullptr}), to_string(x.type)));
  return false;
}

std::optional<std::vector<typed_node>> typer::typed_children(const syntax& x) {
  parts children;
  for (const auto& child : x.children) {
    auto part = typed(*child);
    if (!part)
      return std::nullopt;
    children.push_back(*std::move(part));
  }
  return children;
}

std::optional<std::vector<typed_node>> typer::arguments(const syntax& x, size_t fewest, size_t most,
                                                        std::string_view usage) {
  if (x.children.size() < fewest || x.children.size() > most) {
    refuse(x.offset,
           fmt::format("{} has {} argument(s): write {}", x.name, x.children.size(), usage));
    return std::nullopt;
  }
  return typed_children(x);
}

std::optional<data_type> typer::common_type(const views& values, std::string_view what) {
  data_type type;
  for (const auto* x : values) {
    if (type.kind == type_kind::null) {
      type = x->type;
    } else if (is_numeric(type.kind) && is_numeric(x->type.kind)) {
      auto kind = wider_number(type.kind, x->type.kind);
      type = kind == type.kind ? type : data_type{kind, 0, 0, nullptr};
    } else if (x->type.kind != type_kind::null && !(type == x->type)) {
      refuse(x->from->offset, fmt::format("{} have different types, {} and {}: CAST one of them",
                                          what, to_string(type), to_string(x->type)));
      return std::nullopt;
    }
  }
  if (type.kind == type_kind::decimal) {
    type = {type_kind::decimal, 1, 0, nullptr};
    for (const auto* x : values)
      if (x->type.kind != type_kind::null)
        type = wider_decimal(type, decimal_type_of(*x));
  }
  return type;
}

std::optional<type_kind> typer::comparable_as(const syntax& x, const data_type& a,
                                              const data_type& b) {
  auto refused = [&]() -> std::optional<type_kind> {
    refuse(x.offset, fmt::format("cannot compare {} with {}: {}", to_string(a), to_string(b),
                                 remedy_for(a.kind, b.kind)));
    return std::nullopt;
  };
  if (!order_of(a.kind) || !order_of(b.kind))
    return refused();
  if (a.kind == type_kind::null || b.kind == type_kind::null)
    return a.kind == type_kind::null ? b.kind : a.kind;
  if (is_numeric(a.kind) && is_numeric(b.kind)) {
    auto kind = wider_number(a.kind, b.kind);
    return kind == type_kind::float32 ? type_kind::float64 : kind;
  }
  return a.kind == b.kind ? std::optional{a.kind} : refused();
}

std::optional<type_kind> typer::comparable_as(const syntax& x, const views& values) {
  auto type = values.front()->type;
  for (const auto* value : values) {
    auto kind = comparable_as(x, type, value->type);
    if (!kind)
      return std::nullopt;
    if (*kind != type.kind)
      type = {*kind, 0, 0, nullptr};
  }
  return type.kind;
}

typed_node typer::widened(typed_node x, type_kind to) {
  if (to == type_kind::decimal && is_integer(x.type.kind)) {
    auto type = decimal_type_of(x);
    return finished(*x.from, integer_as_decimal_node(std::move(x.code)), type, x.constant);
  }
  if (to == type_kind::float64 && !is_real(x.type.kind))
    return converted(std::move(x), {to, 0, 0, nullptr});
  return x;
}

typed_node typer::converted(typed_node x, const data_type& to) {
  if (x.type == to || x.type.kind == type_kind::null
      || (is_integer(x.type.kind) && to.kind == type_kind::int64)
      || (is_real(x.type.kind) && to.kind == type_kind::float64)) {
    x.type = to;
    return x;
  }
  auto code = convert_node(x.type, to, std::move(x.code));
  return finished(*x.from, std::move(code), to, x.constant);
}

typed_node typer::finished(const syntax& x, node code, data_type type, bool constant) {
  if (constant) {
    scratch_.clear();
    evaluation with{{}, scratch_, most_folded_text};
    auto value = code.evaluate(with);
    if (!with.exhausted)
      return {literal_node(memory_.copy(value)), std::move(type), &x, true};
  }
  return {std::move(code), std::move(type), &x, false};
}

bool typer::all_constant(const parts& values) {
  return std::all_of(values.begin(), values.end(), [](const auto& x) { return x.constant; });
}

std::vector<const typed_node*> typer::views_of(const parts& values) {
  views all;
  for (const auto& x : values)
    all.push_back(&x);
  return all;
}

std::vector<node> typer::nodes_of(parts values) {
  std::vector<node> nodes;
  nodes.reserve(values.size());
  for (auto& x : values)
    nodes.push_back(std::move(x.code));
  return nodes;
}

} // namespace keyfold::expressions
