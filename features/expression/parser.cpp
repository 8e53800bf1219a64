#include "features/expression/parser.hpp"

#include "features/decimal.hpp"
#include "features/expression/lexer.hpp"
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

struct binary_operator {
  std::string_view symbol;
  operation what;
};

constexpr std::array comparisons{
    binary_operator{"=", operation::equal},       binary_operator{"==", operation::equal},
    binary_operator{"<>", operation::not_equal},  binary_operator{"!=", operation::not_equal},
    binary_operator{"<=", operation::less_equal}, binary_operator{">=", operation::greater_equal},
    binary_operator{"<", operation::less},        binary_operator{">", operation::greater},
};
constexpr std::array sums{binary_operator{"+", operation::add},
                          binary_operator{"-", operation::subtract}};
constexpr std::array products{binary_operator{"*", operation::multiply},
                              binary_operator{"/", operation::divide},
                              binary_operator{"%", operation::modulo}};

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

/// Recursive descent, one function a level of precedence. After the first error every function
/// returns null.
class parser {
public:
  explicit parser(std::vector<token> tokens) : tokens_(std::move(tokens)) {}

  tl::expected<syntax_ptr, expression_error> whole() {
    auto result = expression();
    if (result && here().kind != token_kind::end)
      result = refuse(
          fmt::format("`{}` is not expected here: an operator or the end is", shown(here())));
    if (!result)
      return tl::unexpected{std::move(error_)};
    return result;
  }

private:
  // ---- tokens

  const token& here() const { return tokens_[next_]; }
  const token& ahead() const { return tokens_[std::min(next_ + 1, tokens_.size() - 1)]; }

  bool at_word(std::string_view word) const {
    return here().kind == token_kind::word && same_word(here().text, word);
  }
  bool at_symbol(std::string_view symbol) const {
    return here().kind == token_kind::symbol && here().text == symbol;
  }
  bool accept_word(std::string_view word) {
    if (!at_word(word))
      return false;
    ++next_;
    return true;
  }
  bool accept_symbol(std::string_view symbol) {
    if (!at_symbol(symbol))
      return false;
    ++next_;
    return true;
  }
  bool expect_word(std::string_view word) {
    if (accept_word(word))
      return true;
    refuse(fmt::format("{} is expected instead of `{}`", word, shown(here())));
    return false;
  }
  bool expect_symbol(std::string_view symbol) {
    if (accept_symbol(symbol))
      return true;
    refuse(fmt::format("`{}` is expected instead of `{}`", symbol, shown(here())));
    return false;
  }
  static std::string_view shown(const token& x) {
    return x.kind == token_kind::end ? std::string_view{"the end"} : x.text.substr(0, 40);
  }

  syntax_ptr refuse_at(size_t offset, std::string message) {
    if (error_.message.empty())
      error_ = {std::move(message), offset};
    return nullptr;
  }
  syntax_ptr refuse(std::string message) { return refuse_at(here().offset, std::move(message)); }

  // ---- trees

  static syntax_ptr leaf(operation what, size_t offset) {
    auto x = std::make_unique<syntax>();
    x->what = what;
    x->offset = offset;
    return x;
  }

  /// Null when the child is, or when the tree becomes too deep.
  syntax_ptr adopt(syntax_ptr parent, syntax_ptr child) {
    if (!parent || !child)
      return nullptr;
    parent->depth = std::max(parent->depth, child->depth + 1);
    if (parent->depth > deepest_nesting)
      return too_deep(parent->offset);
    parent->children.push_back(std::move(child));
    return parent;
  }

  syntax_ptr too_deep(size_t offset) {
    return refuse_at(offset,
                     fmt::format("expression is nested deeper than {} levels: split it into "
                                 "derived fields",
                                 deepest_nesting));
  }

  syntax_ptr unary(operation what, const token& at, syntax_ptr child) {
    auto parent = leaf(what, at.offset);
    parent->name = at.text;
    return adopt(std::move(parent), std::move(child));
  }

  syntax_ptr text_literal(std::string_view text, size_t offset) {
    auto x = leaf(operation::literal, offset);
    x->type.kind = type_kind::string;
    x->name = text;
    return x;
  }

  // ---- precedence

  syntax_ptr expression() {
    if (++depth_ > deepest_nesting)
      return too_deep(here().offset);
    auto x = disjunction();
    --depth_;
    return x;
  }

  /// One or more of `operand`, joined by a word or symbol into one node.
  template <class AtJoint, class Operand>
  syntax_ptr chain(operation what, AtJoint at_joint, Operand operand) {
    auto first = operand();
    if (!first || !at_joint())
      return first;
    auto parent = unary(what, here(), std::move(first));
    while (parent && at_joint()) {
      ++next_;
      parent = adopt(std::move(parent), operand());
    }
    return parent;
  }

  syntax_ptr disjunction() {
    return chain(
        operation::logical_or, [this] { return at_word("OR"); }, [this] { return conjunction(); });
  }

  syntax_ptr conjunction() {
    return chain(
        operation::logical_and, [this] { return at_word("AND"); }, [this] { return negation(); });
  }

  syntax_ptr negation() {
    if (!at_word("NOT"))
      return predicate();
    if (++depth_ > deepest_nesting)
      return too_deep(here().offset);
    const auto& at = tokens_[next_++];
    auto x = unary(operation::logical_not, at, negation());
    --depth_;
    return x;
  }

  syntax_ptr predicate() {
    auto left = concatenation();
    for (const auto& x : comparisons) {
      if (left && at_symbol(x.symbol)) {
        auto parent = unary(x.what, tokens_[next_++], std::move(left));
        return adopt(std::move(parent), concatenation());
      }
    }
    while (left && here().kind == token_kind::word) {
      const auto& at = here();
      if (accept_word("IS")) {
        left = null_test(at, std::move(left));
        continue;
      }
      auto negated = at_word("NOT");
      if (negated)
        ++next_;
      const auto& word = here();
      if (accept_word("IN"))
        left = membership(word, std::move(left));
      else if (accept_word("BETWEEN"))
        left = range_test(word, std::move(left));
      else if (accept_word("LIKE"))
        left = pattern_test(word, std::move(left));
      else if (negated)
        return refuse("IN, BETWEEN or LIKE is expected after NOT");
      else
        break;
      if (negated)
        left = unary(operation::logical_not, at, std::move(left));
    }
    return left;
  }

  syntax_ptr null_test(const token& at, syntax_ptr left) {
    auto negated = accept_word("NOT");
    if (!expect_word("NULL"))
      return nullptr;
    auto x = unary(operation::is_null, at, std::move(left));
    return negated ? unary(operation::logical_not, at, std::move(x)) : std::move(x);
  }

  syntax_ptr membership(const token& at, syntax_ptr left) {
    auto x = unary(operation::in, at, std::move(left));
    if (!expect_symbol("("))
      return nullptr;
    do
      x = adopt(std::move(x), expression());
    while (x && accept_symbol(","));
    return x && expect_symbol(")") ? std::move(x) : nullptr;
  }

  syntax_ptr range_test(const token& at, syntax_ptr left) {
    auto x = adopt(unary(operation::between, at, std::move(left)), concatenation());
    if (!x || !expect_word("AND"))
      return nullptr;
    return adopt(std::move(x), concatenation());
  }

  syntax_ptr pattern_test(const token& at, syntax_ptr left) {
    auto x = adopt(unary(operation::like, at, std::move(left)), concatenation());
    if (x && accept_word("ESCAPE"))
      x = adopt(std::move(x), concatenation());
    return x;
  }

  syntax_ptr concatenation() {
    return chain(
        operation::concatenate, [this] { return at_symbol("||"); }, [this] { return sum(); });
  }

  /// Operands joined from the left by any of `operators`.
  template <size_t size, class Operand>
  syntax_ptr left_joined(const std::array<binary_operator, size>& operators, Operand operand) {
    auto left = operand();
    while (left) {
      auto found = std::find_if(operators.begin(), operators.end(),
                                [this](const auto& x) { return at_symbol(x.symbol); });
      if (found == operators.end())
        break;
      auto parent = unary(found->what, tokens_[next_++], std::move(left));
      left = adopt(std::move(parent), operand());
    }
    return left;
  }

  syntax_ptr sum() {
    return left_joined(sums, [this] { return product(); });
  }

  syntax_ptr product() {
    return left_joined(products, [this] { return signed_operand(); });
  }

  syntax_ptr signed_operand() {
    if (!at_symbol("-") && !at_symbol("+"))
      return element();
    if (++depth_ > deepest_nesting)
      return too_deep(here().offset);
    const auto& sign = tokens_[next_++];
    auto number = here().kind == token_kind::integer || here().kind == token_kind::decimal
                  || here().kind == token_kind::real;
    syntax_ptr x;
    // The sign belongs to a number: the least int64 has no positive counterpart.
    if (sign.text == "-" && number)
      x = number_literal(true);
    else if (sign.text == "-")
      x = unary(operation::negate, sign, signed_operand());
    else
      x = signed_operand();
    --depth_;
    return x;
  }

  syntax_ptr element() {
    auto x = primary();
    while (x && at_symbol("[")) {
      x = unary(operation::element, tokens_[next_++], std::move(x));
      x = adopt(std::move(x), expression());
      if (!x || !expect_symbol("]"))
        return nullptr;
    }
    return x;
  }

  // ---- operands

  syntax_ptr primary() {
    switch (here().kind) {
    case token_kind::integer:
    case token_kind::decimal:
    case token_kind::real:
      return number_literal(false);
    case token_kind::string: {
      const auto& at = tokens_[next_++];
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
      return refuse(fmt::format("a value is expected instead of `{}`", shown(here())));
    auto x = expression();
    return x && expect_symbol(")") ? std::move(x) : nullptr;
  }

  syntax_ptr word() {
    if (at_word("CASE"))
      return case_of();
    if (at_word("CAST") || at_word("TRY_CAST"))
      return cast();
    if (at_word("NULL") || at_word("TRUE") || at_word("FALSE")) {
      auto x = leaf(operation::literal, here().offset);
      x->type.kind = at_word("NULL") ? type_kind::null : type_kind::boolean;
      x->integer = at_word("TRUE") ? 1 : 0;
      ++next_;
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

  syntax_ptr column() {
    auto x = leaf(operation::column, here().offset);
    auto take_part = [&] {
      const auto& part = tokens_[next_++];
      x->name.append(part.kind == token_kind::quoted ? unquote(part.text) : std::string{part.text});
    };
    take_part();
    while (accept_symbol(".")) {
      if (here().kind != token_kind::word && here().kind != token_kind::quoted)
        return refuse("a name is expected after the point");
      x->name.push_back('.');
      take_part();
    }
    return x;
  }

  syntax_ptr number_literal(bool negative) {
    const auto& at = tokens_[next_++];
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

  syntax_ptr integer_literal(syntax_ptr x, bool negative) {
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

  syntax_ptr timestamp_literal() {
    auto x = leaf(operation::literal, tokens_[next_++].offset);
    x->type.kind = type_kind::timestamp;
    auto at = parse_timestamp(unquote(here().text), timestamp_unit::rfc3339);
    if (!at)
      return refuse(at.error().message);
    x->integer = at->time_since_epoch().count();
    ++next_;
    return x;
  }

  syntax_ptr case_of() {
    auto x = leaf(operation::case_searched, tokens_[next_++].offset);
    if (!at_word("WHEN")) {
      x->what = operation::case_simple;
      x = adopt(std::move(x), expression());
    }
    if (x && !at_word("WHEN"))
      return refuse(fmt::format("WHEN is expected instead of `{}`", shown(here())));
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

  syntax_ptr cast() {
    auto x = leaf(operation::cast, tokens_[next_++].offset);
    if (!expect_symbol("("))
      return nullptr;
    x = adopt(std::move(x), expression());
    if (!x || !expect_word("AS") || !type_name(x->type))
      return nullptr;
    return expect_symbol(")") ? std::move(x) : nullptr;
  }

  /// Everything up to the parenthesis that closes the CAST is the type's text.
  bool type_name(data_type& out) {
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
      ++next_;
    }
    auto type = parse_data_type(text);
    if (!type) {
      refuse_at(offset, std::move(type).error().message);
      return false;
    }
    out = *std::move(type);
    return true;
  }

  // ---- functions

  syntax_ptr call() {
    const auto& at = tokens_[next_++];
    auto x = leaf(operation::call, at.offset);
    x->name = upper_case(at.text);
    ++next_;
    if (x->name == "EXTRACT")
      return closed(extract(std::move(x)));
    if (x->name == "TRIM")
      return closed(trim(std::move(x)));
    if (x->name == "POSITION")
      return closed(position(std::move(x)));
    if (accept_symbol(")"))
      return x;
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

  syntax_ptr closed(syntax_ptr x) { return x && expect_symbol(")") ? std::move(x) : nullptr; }

  /// A bare word as a text.
  syntax_ptr unit() {
    const auto& at = tokens_[next_++];
    return text_literal(at.text, at.offset);
  }

  syntax_ptr extract(syntax_ptr x) {
    if (here().kind != token_kind::word)
      return refuse("a unit is expected, e.g. EXTRACT(HOUR FROM at)");
    x = adopt(std::move(x), unit());
    if (!x || !expect_word("FROM"))
      return nullptr;
    return adopt(std::move(x), expression());
  }

  /// `TRIM(text)`, `TRIM(text, characters)` or `TRIM([BOTH|LEADING|TRAILING] [characters] FROM
  /// text)`; the result is a call of TRIM, LTRIM or RTRIM with the text first.
  syntax_ptr trim(syntax_ptr x) {
    auto side = ahead().kind != token_kind::symbol || ahead().text == "(";
    auto named = side && (at_word("BOTH") || at_word("LEADING") || at_word("TRAILING"));
    if (named) {
      x->name = at_word("BOTH") ? "TRIM" : at_word("LEADING") ? "LTRIM" : "RTRIM";
      ++next_;
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
  syntax_ptr position(syntax_ptr x) {
    x->name = "STRPOS";
    // IN would be read as an operator by `expression`.
    auto part = concatenation();
    if (!part || !expect_word("IN"))
      return nullptr;
    return adopt(adopt(std::move(x), expression()), std::move(part));
  }

  std::vector<token> tokens_;
  size_t next_ = 0;
  int depth_ = 0;
  expression_error error_;
};

} // namespace

tl::expected<syntax_ptr, expression_error> parse(std::string_view text) {
  if (text.size() > longest_text)
    return tl::unexpected{expression_error{
        fmt::format("expression has {} bytes; at most {} are allowed: split it into derived fields",
                    text.size(), longest_text),
        0}};
  auto tokens = tokenize(text);
  if (!tokens)
    return tl::unexpected{std::move(tokens).error()};
  return parser{*std::move(tokens)}.whole();
}

} // namespace keyfold::expressions
