#include "features/expression/typing.hpp"

#include "features/decimal.hpp"
#include "features/expression/arithmetic.hpp"
#include "features/expression/comparison.hpp"
#include "features/expression/conversion.hpp"
#include "features/expression/element.hpp"
#include "features/expression/like_node.hpp"
#include "features/expression/logic.hpp"
#include "features/expression/utf8.hpp"
#include "features/nearest_name.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace keyfold::expressions {

namespace {

const data_type boolean_type{type_kind::boolean, 0, 0, nullptr};

/// What to do instead of adding, subtracting … values that are no numbers.
std::string_view arithmetic_remedy(type_kind kind) {
  switch (kind) {
  case type_kind::string:
    return "join texts with ||, or CAST them to a number";
  case type_kind::timestamp:
    return "use TIMESTAMP_ADD or TIMESTAMP_DIFF";
  case type_kind::boolean:
    return "use CASE WHEN … THEN 1 ELSE 0 END";
  default:
    return "CAST it to a number";
  }
}

} // namespace

std::optional<typed_node> typer::typed(const syntax& x) {
  switch (x.what) {
  case operation::literal:
    return literal(x);
  case operation::column:
    return column(x);
  case operation::call:
    return call(x);
  case operation::negate:
    return sign_change(x);
  case operation::logical_not:
    return negation(x);
  case operation::logical_and:
  case operation::logical_or:
    return junction(x);
  case operation::add:
  case operation::subtract:
  case operation::multiply:
  case operation::divide:
  case operation::modulo:
    return arithmetic(x, x.what);
  case operation::equal:
  case operation::not_equal:
  case operation::less:
  case operation::less_equal:
  case operation::greater:
  case operation::greater_equal:
    return comparison(x);
  case operation::concatenate:
    return concatenation(x);
  case operation::in:
    return membership(x);
  case operation::between:
    return between(x);
  case operation::like:
    return like(x);
  case operation::is_null:
    return null_test(x);
  case operation::element:
    return element(x);
  case operation::cast:
    return cast(x);
  case operation::case_searched:
    return case_searched(x);
  case operation::case_simple:
    return case_simple(x);
  }
  return std::nullopt;
}

std::vector<uint32_t> typer::columns_read() const {
  std::vector<uint32_t> columns;
  for (uint32_t i = 0; i < read_.size(); ++i)
    if (read_[i])
      columns.push_back(i);
  return columns;
}

std::optional<typed_node> typer::literal(const syntax& x) {
  auto value = [&]() -> cell {
    switch (x.type.kind) {
    case type_kind::boolean:
      return cell::boolean(x.integer != 0);
    case type_kind::int64:
      return cell::integer(x.integer);
    case type_kind::float64:
      return cell::real(x.real);
    case type_kind::decimal:
      return cell::decimal(x.integer, x.type.scale);
    case type_kind::string:
      return cell::string(memory_.copy(x.name));
    case type_kind::timestamp:
      return cell::timestamp(event_time{duration{x.integer}});
    default:
      return {};
    }
  };
  return typed_node{literal_node(value()), x.type, &x, true};
}

std::optional<typed_node> typer::column(const syntax& x) {
  auto found = std::find_if(columns_.begin(), columns_.end(),
                            [&x](const auto& entry) { return entry.name == x.name; });
  if (found == columns_.end()) {
    std::vector<std::string_view> names;
    for (const auto& entry : columns_)
      names.push_back(entry.name);
    return refuse(x.offset, fmt::format("column `{}` is unknown{}", x.name.substr(0, 100),
                                        did_you_mean(x.name, names)));
  }
  auto index = static_cast<uint32_t>(found - columns_.begin());
  read_.resize(columns_.size());
  read_[index] = true;
  return typed_node{column_node(index), found->type, &x, false};
}

std::optional<typed_node> typer::junction(const syntax& x) {
  auto children = typed_children(x);
  if (!children)
    return std::nullopt;
  auto is_and = x.what == operation::logical_and;
  for (const auto& child : *children)
    if (!require(child, type_kind::boolean, is_and ? "operand of AND" : "operand of OR"))
      return std::nullopt;
  auto constant = all_constant(*children);
  auto nodes = nodes_of(*std::move(children));
  return finished(x, is_and ? and_node(std::move(nodes)) : or_node(std::move(nodes)), boolean_type,
                  constant);
}

std::optional<typed_node> typer::negation(const syntax& x) {
  auto child = typed(*x.children[0]);
  if (!child || !require(*child, type_kind::boolean, "operand of NOT"))
    return std::nullopt;
  return finished(x, not_node(std::move(child->code)), boolean_type, child->constant);
}

std::optional<typed_node> typer::sign_change(const syntax& x) {
  auto child = typed(*x.children[0]);
  if (!child || child->type.kind == type_kind::null)
    return child;
  if (!is_numeric(child->type.kind))
    return refuse(x.offset, fmt::format("cannot negate {}: {}", to_string(child->type),
                                        arithmetic_remedy(child->type.kind)));
  auto type = child->type;
  if (type.kind == type_kind::int32)
    type.kind = type_kind::int64;
  return finished(x, negate_node(std::move(child->code)), type, child->constant);
}

std::optional<typed_node> typer::arithmetic(const syntax& x, operation what) {
  auto left = typed(*x.children[0]);
  auto right = left ? typed(*x.children[1]) : std::nullopt;
  if (!right)
    return std::nullopt;
  for (const auto* side : {&*left, &*right})
    if (side->type.kind != type_kind::null && !is_numeric(side->type.kind))
      return refuse(x.offset,
                    fmt::format("cannot compute {} {} {}: {}", to_string(left->type), x.name,
                                to_string(right->type), arithmetic_remedy(side->type.kind)));
  auto has = [&](auto test) { return test(left->type.kind) || test(right->type.kind); };
  auto kind = type_kind::int64;
  if (has([](type_kind k) { return is_real(k); }))
    kind = type_kind::float64;
  else if (has([](type_kind k) { return k == type_kind::decimal; }))
    kind = type_kind::decimal;
  auto a = widened(*std::move(left), kind);
  auto b = widened(*std::move(right), kind);
  if (kind == type_kind::decimal)
    return decimal_arithmetic(x, what, std::move(a), std::move(b));
  auto constant = a.constant && b.constant;
  return finished(x, arithmetic_node(what, kind, 0, std::move(a.code), std::move(b.code)),
                  {kind, 0, 0, nullptr}, constant);
}

std::optional<typed_node> typer::decimal_arithmetic(const syntax& x, operation what,
                                                    typed_node left, typed_node right) {
  const auto& a = left.type;
  const auto& b = right.type;
  int scale = std::max(a.scale, b.scale);
  int precision = decimal_digits;
  if (what == operation::multiply) {
    scale = a.scale + b.scale;
    precision = std::min(a.precision + b.precision, decimal_digits);
    if (scale > decimal_digits)
      return refuse(x.offset, fmt::format("{} * {} has {} digits after the point, more than {}: "
                                          "CAST one side to fewer",
                                          to_string(a), to_string(b), scale, decimal_digits));
  } else if (what == operation::divide) {
    scale = std::max<int>(scale, quotient_scale);
  } else {
    auto whole = std::max(a.precision - a.scale, b.precision - b.scale);
    precision = std::min(whole + scale + 1, decimal_digits);
  }
  data_type type{type_kind::decimal, static_cast<uint8_t>(std::max(precision, 1)),
                 static_cast<uint8_t>(scale), nullptr};
  auto constant = left.constant && right.constant;
  auto code = arithmetic_node(what, type_kind::decimal, type.scale, std::move(left.code),
                              std::move(right.code));
  return finished(x, std::move(code), type, constant);
}

std::optional<typed_node> typer::comparison(const syntax& x) {
  auto left = typed(*x.children[0]);
  auto right = left ? typed(*x.children[1]) : std::nullopt;
  if (!right)
    return std::nullopt;
  auto kind = comparable_as(x, left->type, right->type);
  if (!kind)
    return std::nullopt;
  auto a = widened(*std::move(left), *kind);
  auto b = widened(*std::move(right), *kind);
  auto constant = a.constant && b.constant;
  return finished(x, compare_node(x.what, *kind, std::move(a.code), std::move(b.code)),
                  boolean_type, constant);
}

std::optional<std::pair<type_kind, typer::parts>> typer::comparable_children(const syntax& x) {
  auto children = typed_children(x);
  auto kind = children ? comparable_as(x, views_of(*children)) : std::nullopt;
  if (!kind)
    return std::nullopt;
  for (auto& child : *children)
    child = widened(std::move(child), *kind);
  return std::pair{*kind, *std::move(children)};
}

std::optional<typed_node> typer::membership(const syntax& x) {
  auto values = comparable_children(x);
  if (!values)
    return std::nullopt;
  auto constant = all_constant(values->second);
  return finished(x, in_node(values->first, nodes_of(std::move(values->second))), boolean_type,
                  constant);
}

std::optional<typed_node> typer::between(const syntax& x) {
  auto values = comparable_children(x);
  if (!values)
    return std::nullopt;
  auto constant = all_constant(values->second);
  return finished(x, between_node(values->first, nodes_of(std::move(values->second))), boolean_type,
                  constant);
}

std::optional<typed_node> typer::like(const syntax& x) {
  auto children = typed_children(x);
  if (!children)
    return std::nullopt;
  for (const auto& child : *children)
    if (!require(child, type_kind::string, "operand of LIKE"))
      return std::nullopt;
  auto& operands = *children;
  if (operands.size() > 2 && !operands[2].constant)
    return refuse(operands[2].from->offset,
                  "ESCAPE must be followed by a literal of one character");
  auto constant = all_constant(operands);
  const auto& pattern = operands[1];
  auto escape = operands.size() > 2 && !operands[2].code.literal.is_null()
                    ? operands[2].code.literal.as_text()
                    : std::string_view{};
  if (operands.size() > 2 && count_characters(escape) != 1)
    return refuse(operands[2].from->offset,
                  "ESCAPE must be followed by a literal of one character");
  if (!pattern.constant || pattern.code.literal.is_null())
    return finished(x, like_node(nodes_of(std::move(operands))), boolean_type, constant);
  auto compiled = like_pattern::parse(pattern.code.literal.as_text(), escape);
  if (!compiled)
    return refuse(pattern.from->offset,
                  "the escape character of a LIKE pattern must be followed by "
                  "%, _ or itself");
  return finished(x, like_node(*std::move(compiled), std::move(operands[0].code)), boolean_type,
                  constant);
}

std::optional<typed_node> typer::null_test(const syntax& x) {
  auto child = typed(*x.children[0]);
  if (!child)
    return std::nullopt;
  return finished(x, is_null_node(std::move(child->code)), boolean_type, child->constant);
}

std::optional<typed_node> typer::element(const syntax& x) {
  auto children = typed_children(x);
  if (!children)
    return std::nullopt;
  auto& container = children->front();
  auto& index = children->back();
  auto type = container.type.element ? *container.type.element : data_type{};
  if (container.type.kind == type_kind::map) {
    if (!require(index, type_kind::string, "key of a map"))
      return std::nullopt;
  } else if (container.type.kind == type_kind::list) {
    if (!is_integer(index.type.kind) && !require(index, type_kind::int64, "index of a list"))
      return std::nullopt;
  } else {
    return refuse(x.offset, fmt::format("{} has no elements: [ ] is for lists and maps",
                                        to_string(container.type)));
  }
  auto is_map = container.type.kind == type_kind::map;
  return finished(x, element_node(is_map, nodes_of(*std::move(children))), type, false);
}

std::optional<typed_node> typer::cast(const syntax& x) {
  auto child = typed(*x.children[0]);
  if (!child)
    return std::nullopt;
  if (!convertible(child->type, x.type)) {
    auto number = child->type.kind == type_kind::timestamp && is_numeric(x.type.kind);
    auto time = x.type.kind == type_kind::timestamp && is_numeric(child->type.kind);
    auto remedy = number ? ": use EPOCH_SECONDS or EPOCH_MILLIS"
                  : time ? ": use TIMESTAMP_SECONDS or TIMESTAMP_MILLIS"
                         : "";
    return refuse(x.offset, fmt::format("cannot CAST {} to {}{}", to_string(child->type),
                                        to_string(x.type), remedy));
  }
  auto code = convert_node(child->type, x.type, std::move(child->code));
  return finished(x, std::move(code), x.type, child->constant);
}

std::optional<typed_node> typer::case_searched(const syntax& x) {
  auto children = typed_children(x);
  if (!children)
    return std::nullopt;
  auto has_else = children->size() % 2 == 1;
  views results;
  for (size_t i = 0; i < children->size(); ++i) {
    auto is_condition = i % 2 == 0 && !(has_else && i + 1 == children->size());
    if (!is_condition)
      results.push_back(&(*children)[i]);
    else if (!require((*children)[i], type_kind::boolean, "condition after WHEN"))
      return std::nullopt;
  }
  auto type = common_type(results, "results of CASE");
  if (!type)
    return std::nullopt;
  for (size_t i = 1; i < children->size(); i += 2)
    (*children)[i] = converted(std::move((*children)[i]), *type);
  if (has_else)
    children->back() = converted(std::move(children->back()), *type);
  auto constant = all_constant(*children);
  return finished(x, case_searched_node(nodes_of(*std::move(children))), *type, constant);
}

std::optional<typed_node> typer::case_simple(const syntax& x) {
  auto children = typed_children(x);
  if (!children)
    return std::nullopt;
  auto has_else = children->size() % 2 == 0;
  auto last = children->size() - (has_else ? 1 : 0);
  views compared{&children->front()};
  views results;
  for (size_t i = 1; i < children->size(); ++i)
    (i % 2 == 1 && i < last ? compared : results).push_back(&(*children)[i]);
  auto kind = comparable_as(x, compared);
  auto type = kind ? common_type(results, "results of CASE") : std::nullopt;
  if (!type)
    return std::nullopt;
  for (size_t i = 0; i < children->size(); ++i) {
    auto& child = (*children)[i];
    auto is_compared = i == 0 || (i % 2 == 1 && i < last);
    child = is_compared ? widened(std::move(child), *kind) : converted(std::move(child), *type);
  }
  auto constant = all_constant(*children);
  return finished(x, case_simple_node(*kind, nodes_of(*std::move(children))), *type, constant);
}

} // namespace keyfold::expressions
