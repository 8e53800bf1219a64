#include "features/expression/parser.hpp"

#include "features/expression/operand_parser.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace keyfold::expressions {

namespace {

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

/// Recursive descent, one function a level of precedence.
class parser final : public operand_parser {
public:
  using operand_parser::operand_parser;

  syntax_ptr whole() {
    auto result = expression();
    if (result && here().kind != token_kind::end)
      return refuse(fmt::format("`{}` is not expected here: an operator or the end is", shown()));
    return result;
  }

private:
  syntax_ptr expression() override {
    auto inside = enter();
    return too_deep() ? refuse_depth(here().offset) : disjunction();
  }

  /// One or more of `operand`, joined by a word or symbol into one node.
  template <class AtJoint, class Operand>
  syntax_ptr chain(operation what, AtJoint at_joint, Operand operand) {
    auto first = operand();
    if (!first || !at_joint())
      return first;
    auto parent = parent_of(std::move(first), what, here());
    while (parent && at_joint()) {
      take();
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
    auto inside = enter();
    if (too_deep())
      return refuse_depth(here().offset);
    const auto& at = take();
    return parent_of(negation(), operation::logical_not, at);
  }

  syntax_ptr predicate() {
    auto left = concatenation();
    for (const auto& x : comparisons) {
      if (left && at_symbol(x.symbol)) {
        auto parent = parent_of(std::move(left), x.what, take());
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
        take();
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
        left = parent_of(std::move(left), operation::logical_not, at);
    }
    return left;
  }

  syntax_ptr null_test(const token& at, syntax_ptr left) {
    auto negated = accept_word("NOT");
    if (!expect_word("NULL"))
      return nullptr;
    auto x = parent_of(std::move(left), operation::is_null, at);
    return negated ? parent_of(std::move(x), operation::logical_not, at) : std::move(x);
  }

  syntax_ptr membership(const token& at, syntax_ptr left) {
    auto x = parent_of(std::move(left), operation::in, at);
    if (!expect_symbol("("))
      return nullptr;
    do
      x = adopt(std::move(x), expression());
    while (x && accept_symbol(","));
    return x && expect_symbol(")") ? std::move(x) : nullptr;
  }

  syntax_ptr range_test(const token& at, syntax_ptr left) {
    auto x = adopt(parent_of(std::move(left), operation::between, at), concatenation());
    if (!x || !expect_word("AND"))
      return nullptr;
    return adopt(std::move(x), concatenation());
  }

  syntax_ptr pattern_test(const token& at, syntax_ptr left) {
    auto x = adopt(parent_of(std::move(left), operation::like, at), concatenation());
    if (x && accept_word("ESCAPE"))
      x = adopt(std::move(x), concatenation());
    return x;
  }

  syntax_ptr concatenation() override {
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
      auto parent = parent_of(std::move(left), found->what, take());
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
    auto inside = enter();
    if (too_deep())
      return refuse_depth(here().offset);
    const auto& sign = take();
    auto number = here().kind == token_kind::integer || here().kind == token_kind::decimal
                  || here().kind == token_kind::real;
    syntax_ptr x;
    // The sign belongs to a number: the least int64 has no positive counterpart.
    if (sign.text == "-" && number)
      x = number_literal(true);
    else if (sign.text == "-")
      x = parent_of(signed_operand(), operation::negate, sign);
    else
      x = signed_operand();
    return x;
  }

  syntax_ptr element() {
    auto x = primary();
    while (x && at_symbol("[")) {
      x = parent_of(std::move(x), operation::element, take());
      x = adopt(std::move(x), expression());
      if (!x || !expect_symbol("]"))
        return nullptr;
    }
    return x;
  }
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
  parser from{*std::move(tokens)};
  auto tree = from.whole();
  if (!tree)
    return tl::unexpected{from.error()};
  return tree;
}

} // namespace keyfold::expressions
