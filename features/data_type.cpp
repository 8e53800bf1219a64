#include "features/data_type.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace keyfold {

namespace {

constexpr int deepest_nesting = 32;

struct simple_type {
  std::string_view name;
  type_kind kind;
};

constexpr std::array simple_types{
    simple_type{"bool", type_kind::boolean},   simple_type{"int32", type_kind::int32},
    simple_type{"int64", type_kind::int64},    simple_type{"float", type_kind::float32},
    simple_type{"double", type_kind::float64}, simple_type{"string", type_kind::string},
    simple_type{"bytes", type_kind::bytes},    simple_type{"timestamp", type_kind::timestamp},
};

/// Reads a type from the front of `text_`, spaces allowed between the parts.
class type_parser {
public:
  explicit type_parser(std::string_view text) : text_(text) {}

  result<data_type> whole() {
    auto type = parse(0);
    skip_spaces();
    if (type && next_ != text_.size())
      return wrong("ends too late");
    return type;
  }

private:
  result<data_type> parse(int depth) {
    if (depth > deepest_nesting)
      return wrong(fmt::format("is nested deeper than {}", deepest_nesting));
    auto name = word();
    for (const auto& simple : simple_types)
      if (name == simple.name)
        return data_type{simple.kind, 0, 0, nullptr};
    if (name == "decimal")
      return decimal();
    if (name == "list")
      return list(depth);
    if (name == "map")
      return map(depth);
    return wrong("is unknown");
  }

  result<data_type> decimal() {
    if (!accept('('))
      return wrong("needs its digits, e.g. decimal(10,2)");
    auto precision = number();
    auto scale = accept(',') ? number() : 0;
    if (!accept(')') || precision < 1 || precision > 18 || scale < 0 || scale > precision)
      return wrong("needs 1 to 18 digits, and no more after the point than in all");
    return data_type{type_kind::decimal, static_cast<uint8_t>(precision),
                     static_cast<uint8_t>(scale), nullptr};
  }

  result<data_type> list(int depth) {
    if (!accept('<'))
      return wrong("needs the type of its items, e.g. list<string>");
    return element_of(type_kind::list, depth);
  }

  result<data_type> map(int depth) {
    if (!accept('<') || word() != "string" || !accept(','))
      return wrong("needs string keys and the type of its values, e.g. map<string,int64>");
    return element_of(type_kind::map, depth);
  }

  result<data_type> element_of(type_kind kind, int depth) {
    auto element = parse(depth + 1);
    if (!element)
      return element;
    if (!accept('>'))
      return wrong("lacks a closing `>`");
    return data_type{kind, 0, 0, std::make_shared<const data_type>(*std::move(element))};
  }

  void skip_spaces() {
    while (next_ < text_.size() && text_[next_] == ' ')
      ++next_;
  }

  std::string_view word() {
    skip_spaces();
    auto begin = next_;
    while (next_ < text_.size()
           && ((text_[next_] >= 'a' && text_[next_] <= 'z')
               || (text_[next_] >= '0' && text_[next_] <= '9')))
      ++next_;
    return text_.substr(begin, next_ - begin);
  }

  /// One or two digits; -1 when there are none, or more.
  int number() {
    auto digits = word();
    if (digits.empty() || digits.size() > 2)
      return -1;
    auto x = 0;
    for (auto c : digits) {
      if (c < '0' || c > '9')
        return -1;
      x = x * 10 + (c - '0');
    }
    return x;
  }

  bool accept(char c) {
    skip_spaces();
    if (next_ >= text_.size() || text_[next_] != c)
      return false;
    ++next_;
    return true;
  }

  tl::unexpected<error> wrong(std::string_view what) const {
    return fail(fmt::format("type `{}` {}: use bool, int32, int64, float, double, decimal(p,s), "
                            "string, bytes, timestamp, list<T> or map<string,T>",
                            text_.substr(0, 100), what));
  }

  std::string_view text_;
  size_t next_ = 0;
};

} // namespace

bool operator==(const data_type& a, const data_type& b) noexcept {
  if (a.kind != b.kind || a.precision != b.precision || a.scale != b.scale)
    return false;
  if (a.element == b.element)
    return true;
  return a.element && b.element && *a.element == *b.element;
}

std::string to_string(const data_type& type) {
  switch (type.kind) {
  case type_kind::null:
    return "null";
  case type_kind::decimal:
    return fmt::format("decimal({},{})", type.precision, type.scale);
  case type_kind::list:
    return fmt::format("list<{}>", type.element ? to_string(*type.element) : "null");
  case type_kind::map:
    return fmt::format("map<string,{}>", type.element ? to_string(*type.element) : "null");
  default:
    break;
  }
  for (const auto& simple : simple_types)
    if (type.kind == simple.kind)
      return std::string{simple.name};
  return "null";
}

result<data_type> parse_data_type(std::string_view text) {
  return type_parser{text}.whole();
}

} // namespace keyfold
