#include "features/expression/typing.hpp"

#include "features/expression/arithmetic.hpp"
#include "features/expression/comparison.hpp"
#include "features/expression/element.hpp"
#include "features/expression/functions.hpp"
#include "features/expression/logic.hpp"
#include "features/expression/time_functions.hpp"
#include "features/nearest_name.hpp"
#include "features/timestamp_format.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace keyfold::expressions {

namespace {

const data_type int64_type{type_kind::int64, 0, 0, nullptr};
const data_type timestamp_type{type_kind::timestamp, 0, 0, nullptr};

constexpr size_t unbounded = static_cast<size_t>(-1);

std::array<std::span<const function_signature>, 3> plain_functions() {
  return {text_functions(), number_functions(), time_functions()};
}

bool takes(type_kind wanted, type_kind given) {
  if (given == type_kind::null || wanted == given)
    return true;
  return wanted == type_kind::float64 ? is_numeric(given)
                                      : wanted == type_kind::int64 && is_integer(given);
}

bool accepts(const function_signature& function, const std::vector<typed_node>& arguments) {
  if (arguments.size() < function.fewest || arguments.size() > function.most)
    return false;
  for (size_t i = 0; i < arguments.size(); ++i)
    if (!takes(function.arguments[i], arguments[i].type.kind))
      return false;
  return true;
}

/// How a function is called, e.g. `SUBSTRING(string, int64 [, int64])`.
std::string usage_of(const function_signature& function) {
  std::string text{function.name};
  text.push_back('(');
  for (size_t i = 0; i < function.most; ++i) {
    text += i >= function.fewest ? " [, " : i > 0 ? ", " : "";
    text += to_string({function.arguments[i], 0, 0, nullptr});
  }
  text.append(static_cast<size_t>(function.most - function.fewest), ']');
  text.push_back(')');
  return text;
}

} // namespace

std::optional<typed_node> typer::call(const syntax& x) {
  auto known = true;
  auto result = special_call(x, known);
  if (known)
    return result;
  auto children = error_.message.empty() ? typed_children(x) : std::nullopt;
  return children ? plain_call(x, *std::move(children)) : std::nullopt;
}

std::optional<typed_node> typer::special_call(const syntax& x, bool& known) {
  struct special {
    std::string_view name;
    maybe (typer::*function)(const syntax&);
  };
  static constexpr std::array specials{
      special{"COALESCE", &typer::coalesce},
      special{"NULLIF", &typer::nullif},
      special{"LEAST", &typer::extreme},
      special{"GREATEST", &typer::extreme},
      special{"CONCAT", &typer::concatenation},
      special{"ABS", &typer::absolute},
      special{"SIGN", &typer::sign},
      special{"FLOOR", &typer::round},
      special{"CEIL", &typer::round},
      special{"CEILING", &typer::round},
      special{"ROUND", &typer::round},
      special{"MOD", &typer::modulo},
      special{"DATE_TRUNC", &typer::truncate_time},
      special{"EXTRACT", &typer::extract},
      special{"TIMESTAMP_ADD", &typer::add_time},
      special{"TIMESTAMPADD", &typer::add_time},
      special{"TIMESTAMP_DIFF", &typer::time_difference},
      special{"TIMESTAMPDIFF", &typer::time_difference},
      special{"TO_TIMESTAMP", &typer::to_timestamp},
      special{"CARDINALITY", &typer::cardinality},
      special{"CONTAINS", &typer::contains},
  };
  for (const auto& candidate : specials)
    if (candidate.name == x.name)
      return (this->*candidate.function)(x);
  known = false;
  if (!error_.message.empty())
    return std::nullopt;
  std::vector<std::string_view> names{"CAST"};
  for (const auto& candidate : specials)
    names.push_back(candidate.name);
  for (auto list : plain_functions()) {
    for (const auto& function : list) {
      if (function.name == x.name)
        return std::nullopt;
      names.push_back(function.name);
    }
  }
  return refuse(x.offset, fmt::format("function {} is unknown{}", x.name.substr(0, 100),
                                      did_you_mean(x.name, names)));
}

std::optional<typed_node> typer::plain_call(const syntax& x, parts children) {
  std::string usages;
  for (auto list : plain_functions()) {
    for (const auto& function : list) {
      if (function.name != x.name)
        continue;
      if (accepts(function, children)) {
        for (size_t i = 0; i < children.size(); ++i)
          children[i] = widened(std::move(children[i]), function.arguments[i]);
        auto constant = all_constant(children);
        node code;
        code.run = function.run;
        code.children = nodes_of(std::move(children));
        return finished(x, std::move(code), {function.result, 0, 0, nullptr}, constant);
      }
      usages += (usages.empty() ? "" : " or ") + usage_of(function);
    }
  }
  std::string given;
  for (const auto& child : children)
    given += (given.empty() ? "" : ", ") + to_string(child.type);
  return refuse(x.offset, fmt::format("{} is called as {}, not with ({}): CAST the arguments",
                                      x.name, usages, given));
}

std::optional<typed_node> typer::coalesce(const syntax& x) {
  auto children = arguments(x, 1, unbounded, "COALESCE(value, value …)");
  auto type = children ? common_type(views_of(*children), "arguments of COALESCE") : std::nullopt;
  if (!type)
    return std::nullopt;
  for (auto& child : *children)
    child = converted(std::move(child), *type);
  auto constant = all_constant(*children);
  return finished(x, coalesce_node(nodes_of(*std::move(children))), *type, constant);
}

std::optional<typed_node> typer::nullif(const syntax& x) {
  auto children = arguments(x, 2, 2, "NULLIF(value, unwanted)");
  auto kind = children ? comparable_as(x, views_of(*children)) : std::nullopt;
  if (!kind)
    return std::nullopt;
  auto& value = children->front();
  auto& unwanted = children->back();
  auto constant = all_constant(*children);
  auto type = value.type;
  return finished(x, nullif_node(*kind, std::move(value.code), std::move(unwanted.code)), type,
                  constant);
}

std::optional<typed_node> typer::extreme(const syntax& x) {
  auto children = arguments(x, 1, unbounded, fmt::format("{}(value, value …)", x.name));
  if (!children || !comparable_as(x, views_of(*children)))
    return std::nullopt;
  auto type = common_type(views_of(*children), fmt::format("arguments of {}", x.name));
  if (!type)
    return std::nullopt;
  for (auto& child : *children)
    child = converted(std::move(child), *type);
  auto constant = all_constant(*children);
  return finished(x, extreme_node(type->kind, x.name == "GREATEST", nodes_of(*std::move(children))),
                  *type, constant);
}

std::optional<typed_node> typer::concatenation(const syntax& x) {
  auto children = typed_children(x);
  if (!children)
    return std::nullopt;
  if (children->empty())
    return refuse(x.offset, "CONCAT has no arguments: write CONCAT(text, text …)");
  for (const auto& child : *children)
    if (!require(child, type_kind::string, "what is joined to a text"))
      return std::nullopt;
  auto constant = all_constant(*children);
  return finished(x, concatenation_node(nodes_of(*std::move(children))),
                  {type_kind::string, 0, 0, nullptr}, constant);
}

std::optional<typed_node> typer::number_argument(const syntax& x) {
  auto children = arguments(x, 1, 1, fmt::format("{}(number)", x.name));
  if (!children)
    return std::nullopt;
  auto value = std::move(children->front());
  if (value.type.kind == type_kind::null)
    value.type = int64_type;
  if (!is_numeric(value.type.kind))
    return refuse(value.from->offset,
                  fmt::format("{} takes a number, not {}: CAST it", x.name, to_string(value.type)));
  return value;
}

std::optional<typed_node> typer::absolute(const syntax& x) {
  auto value = number_argument(x);
  if (!value)
    return std::nullopt;
  auto type = value->type.kind == type_kind::int32 ? int64_type : value->type;
  return finished(x, absolute_node(std::move(value->code)), type, value->constant);
}

std::optional<typed_node> typer::sign(const syntax& x) {
  auto value = number_argument(x);
  if (!value)
    return std::nullopt;
  return finished(x, sign_node(std::move(value->code)), int64_type, value->constant);
}

std::optional<typed_node> typer::round(const syntax& x) {
  if (x.name == "ROUND" && x.children.size() == 2)
    return round_to_digits(x);
  auto value = number_argument(x);
  if (!value || is_integer(value->type.kind))
    return value;
  auto how = x.name == "FLOOR"   ? rounding::floor
             : x.name == "ROUND" ? rounding::half_away
                                 : rounding::ceiling;
  auto constant = value->constant;
  if (is_real(value->type.kind))
    return finished(x, round_real_node(how, std::move(value->code)), value->type, constant);
  // Rounding up may take one digit more.
  auto whole = std::min(value->type.precision - value->type.scale + 1, 18);
  data_type type{type_kind::decimal, static_cast<uint8_t>(whole), 0, nullptr};
  return finished(x, round_decimal_node(how, 0, std::move(value->code)), type, constant);
}

std::optional<typed_node> typer::round_to_digits(const syntax& x) {
  auto children = typed_children(x);
  if (!children)
    return std::nullopt;
  auto& value = children->front();
  const auto& digits = children->back();
  if (!is_integer(value.type.kind) && value.type.kind != type_kind::decimal)
    return plain_call(x, *std::move(children));
  if (!digits.constant || !is_integer(digits.type.kind) || digits.code.literal.is_null()
      || digits.code.literal.as_integer() < 0)
    return refuse(digits.from->offset,
                  fmt::format("digits of ROUND must be a literal from 0 up for {}: CAST the number "
                              "to double otherwise",
                              to_string(value.type)));
  auto scale = digits.code.literal.as_integer();
  if (is_integer(value.type.kind) || scale >= value.type.scale)
    return value;
  auto whole = value.type.precision - value.type.scale + 1;
  data_type type{type_kind::decimal, static_cast<uint8_t>(std::min<int64_t>(whole + scale, 18)),
                 static_cast<uint8_t>(scale), nullptr};
  auto code = round_decimal_node(rounding::half_away, type.scale, std::move(value.code));
  return finished(x, std::move(code), type, value.constant);
}

std::optional<typed_node> typer::modulo(const syntax& x) {
  if (x.children.size() != 2)
    return refuse(x.offset,
                  fmt::format("MOD has {} argument(s): write MOD(a, b)", x.children.size()));
  return arithmetic(x, operation::modulo);
}

template <class T, class Find>
std::optional<T> typer::unit_of(const syntax& x, Find find, std::string_view names) {
  const auto& unit = *x.children.front();
  auto literal = unit.what == operation::literal && unit.type.kind == type_kind::string;
  auto found = literal ? find(unit.name) : std::nullopt;
  if (!found)
    refuse(unit.offset, fmt::format("unit of {} must be one of {}", x.name, names));
  return found;
}

std::optional<typed_node> typer::truncate_time(const syntax& x) {
  auto children = arguments(x, 2, 2, "DATE_TRUNC('hour', timestamp)");
  auto unit = children ? unit_of<time_unit>(x, time_unit_of, time_unit_names()) : std::nullopt;
  if (!unit || !require((*children)[1], type_kind::timestamp, "second argument of DATE_TRUNC"))
    return std::nullopt;
  auto& at = (*children)[1];
  return finished(x, truncate_node(*unit, std::move(at.code)), timestamp_type, at.constant);
}

std::optional<typed_node> typer::extract(const syntax& x) {
  auto children = arguments(x, 2, 2, "EXTRACT(HOUR FROM timestamp)");
  auto field = children ? unit_of<time_field>(x, time_field_of, time_field_names()) : std::nullopt;
  if (!field || !require((*children)[1], type_kind::timestamp, "what EXTRACT takes from"))
    return std::nullopt;
  auto& at = (*children)[1];
  return finished(x, extract_node(*field, std::move(at.code)), int64_type, at.constant);
}

std::optional<typed_node> typer::add_time(const syntax& x) {
  auto children = arguments(x, 3, 3, "TIMESTAMP_ADD('hour', count, timestamp)");
  auto unit = children ? unit_of<time_unit>(x, time_unit_of, time_unit_names()) : std::nullopt;
  if (!unit)
    return std::nullopt;
  auto& count = (*children)[1];
  auto& at = (*children)[2];
  if ((!is_integer(count.type.kind) && !require(count, type_kind::int64, "count of units"))
      || !require(at, type_kind::timestamp, "third argument of TIMESTAMP_ADD"))
    return std::nullopt;
  return finished(x, add_time_node(*unit, std::move(count.code), std::move(at.code)),
                  timestamp_type, count.constant && at.constant);
}

std::optional<typed_node> typer::time_difference(const syntax& x) {
  auto children = arguments(x, 3, 3, "TIMESTAMP_DIFF('hour', from, to)");
  auto unit = children ? unit_of<time_unit>(x, time_unit_of, time_unit_names()) : std::nullopt;
  if (!unit)
    return std::nullopt;
  auto& from = (*children)[1];
  auto& to = (*children)[2];
  if (!require(from, type_kind::timestamp, "second argument of TIMESTAMP_DIFF")
      || !require(to, type_kind::timestamp, "third argument of TIMESTAMP_DIFF"))
    return std::nullopt;
  return finished(x, time_difference_node(*unit, std::move(from.code), std::move(to.code)),
                  int64_type, from.constant && to.constant);
}

std::optional<typed_node> typer::to_timestamp(const syntax& x) {
  if (x.children.size() == 2) {
    const auto& pattern = *x.children[1];
    if (pattern.what != operation::literal || pattern.type.kind != type_kind::string)
      return refuse(pattern.offset, "pattern of TO_TIMESTAMP must be a literal, e.g. "
                                    "'%Y-%m-%d %H:%M:%S'");
    if (auto good = check_timestamp_pattern(pattern.name); !good)
      return refuse(pattern.offset, std::move(good).error().message);
  }
  auto children = typed_children(x);
  return children ? plain_call(x, *std::move(children)) : std::nullopt;
}

std::optional<typed_node> typer::cardinality(const syntax& x) {
  auto children = arguments(x, 1, 1, "CARDINALITY(list or map)");
  if (!children)
    return std::nullopt;
  auto& container = children->front();
  auto is_map = container.type.kind == type_kind::map;
  if (!is_map && !require(container, type_kind::list, "argument of CARDINALITY"))
    return std::nullopt;
  return finished(x, cardinality_node(is_map, std::move(container.code)), int64_type,
                  container.constant);
}

std::optional<typed_node> typer::contains(const syntax& x) {
  auto children = arguments(x, 2, 2, "CONTAINS(text, part) or CONTAINS(list, item)");
  if (!children)
    return std::nullopt;
  const auto& list = children->front();
  if (list.type.kind != type_kind::list || !list.type.element)
    return plain_call(x, *std::move(children));
  auto kind = comparable_as(x, *list.type.element, (*children)[1].type);
  if (!kind)
    return std::nullopt;
  auto order = mixed_order_of(*kind);
  return finished(x, contains_item_node(order, nodes_of(*std::move(children))),
                  {type_kind::boolean, 0, 0, nullptr}, false);
}

} // namespace keyfold::expressions
