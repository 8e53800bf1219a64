#include "features/pattern.hpp"

#include "features/expression/lexer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace keyfold {

namespace {

using expressions::same_word;
using expressions::token;
using expressions::token_kind;
using contiguity = pattern_element::contiguity;
using preference = pattern_element::preference;

constexpr int deepest_nesting = 50;
constexpr size_t longest_permutation = 5;
constexpr size_t most_permuted = 2000; // variables that all orders are written with

/// Cuts a pattern into tokens. Not the expressions' lexer: `?`, `{` and `*?` are no SQL operators.
class pattern_lexer {
public:
  explicit pattern_lexer(std::string_view text) : text_(text) {}

  token next() {
    while (at_ < text_.size() && text_[at_] <= ' ' && text_[at_] > '\0')
      ++at_;
    if (at_ == text_.size())
      return {token_kind::end, {}, at_};
    auto end = at_ + 1;
    auto kind = token_kind::symbol;
    if (digit(text_[at_])) {
      kind = token_kind::integer;
      while (end < text_.size() && digit(text_[end]))
        ++end;
    } else if (letter(text_[at_])) {
      kind = token_kind::word;
      while (end < text_.size() && (letter(text_[end]) || digit(text_[end])))
        ++end;
    }
    token out{kind, text_.substr(at_, end - at_), at_};
    at_ = end;
    return out;
  }

private:
  static bool digit(char c) { return c >= '0' && c <= '9'; }
  static bool letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  }

  std::string_view text_;
  size_t at_ = 0;
};

/// Recursive descent; after the first error everything returns at once.
class pattern_parser {
public:
  pattern_parser(std::string_view text, contiguity between) : between_(between) {
    pattern_lexer lexer{text};
    do
      tokens_.push_back(lexer.next());
    while (tokens_.back().kind != token_kind::end);
  }

  tl::expected<pattern_text, expression_error> whole() {
    auto root = choice();
    if (!failed_ && here().kind != token_kind::end)
      refuse(fmt::format("`{}` is not expected here: a variable, a quantifier or the end is",
                         here().text));
    if (failed_)
      return tl::unexpected{error_};
    return pattern_text{std::move(root), std::move(variables_)};
  }

private:
  const token& here() const { return tokens_[next_]; }
  bool at(std::string_view symbol) const {
    return here().kind == token_kind::symbol && here().text == symbol;
  }
  bool accept(std::string_view symbol) {
    if (!at(symbol))
      return false;
    ++next_;
    return true;
  }
  void refuse(std::string message) {
    if (!failed_)
      error_ = {std::move(message), here().offset};
    failed_ = true;
  }
  void expect(std::string_view symbol) {
    if (!accept(symbol))
      refuse(here().kind == token_kind::end
                 ? fmt::format("`{}` is missing at the end", symbol)
                 : fmt::format("`{}` is expected instead of `{}`", symbol, here().text));
  }
  pattern_element element() const {
    pattern_element out;
    out.link = between_;
    out.loop = between_;
    return out;
  }

  /// Sequences with `|` between them.
  pattern_element choice() {
    if (++depth_ > deepest_nesting)
      refuse(fmt::format("parentheses are nested more than {} deep", deepest_nesting));
    auto first = sequence();
    if (at("|")) {
      auto group = element();
      group.alternatives = true;
      group.parts.push_back(std::move(first));
      while (!failed_ && accept("|"))
        group.parts.push_back(sequence());
      first = std::move(group);
    }
    --depth_;
    return first;
  }

  pattern_element sequence() {
    auto out = element();
    while (!failed_ && (here().kind == token_kind::word || at("(")))
      out.parts.push_back(factor());
    if (!failed_ && out.parts.empty())
      refuse(here().kind == token_kind::end
                 ? "a variable is missing at the end"
                 : fmt::format("a variable is expected instead of `{}`{}", here().text, hint()));
    return out;
  }

  std::string_view hint() const {
    if (at("^") || at("$"))
      return ": a stream has no first or last row to anchor to";
    if (at("{") || at("-"))
      return ": rows cannot be excluded, leave them out of the measures";
    return "";
  }

  pattern_element factor() {
    pattern_element out;
    if (accept("(")) {
      out = choice();
      expect(")");
    } else if (same_word(here().text, "PERMUTE") && tokens_[next_ + 1].text == "(") {
      out = permutation();
    } else {
      out = element();
      out.variable = variable();
    }
    while (!failed_ && quantified(out))
      ;
    return out;
  }

  uint32_t variable() {
    std::string name{here().text};
    ++next_;
    auto found = std::find(variables_.begin(), variables_.end(), name);
    if (found == variables_.end())
      found = variables_.insert(found, name);
    return static_cast<uint32_t>(found - variables_.begin());
  }

  /// Reads a quantifier if there is one.
  bool quantified(pattern_element& x) {
    if (!at("*") && !at("+") && !at("?") && !at("{"))
      return false;
    if (x.least != 1 || x.most != 1u || x.optional) {
      refuse(fmt::format("`{}` follows another quantifier: put parentheses around what that is "
                         "about",
                         here().text));
      return false;
    }
    x.prefer = preference::greedy;
    if (accept("*")) {
      x.optional = true;
      x.most.reset();
    } else if (accept("+")) {
      x.most.reset();
    } else if (accept("?")) {
      x.optional = true;
    } else {
      ++next_;
      bounds(x);
    }
    if (!failed_ && accept("?"))
      x.prefer = preference::reluctant;
    return !failed_;
  }

  void bounds(pattern_element& x) {
    auto begin = here();
    auto least = at(",") ? std::optional<uint32_t>{0} : number();
    x.most = least;
    if (accept(","))
      x.most = at("}") ? std::nullopt : number();
    expect("}");
    if (failed_)
      return;
    if (x.most && (*x.most == 0 || *x.most < *least)) {
      error_ = {*x.most == 0 ? "a part that is never there: leave it out"
                             : "the upper bound is below the lower one: swap them",
                begin.offset};
      failed_ = true;
      return;
    }
    x.optional = *least == 0;
    x.least = std::max(*least, 1u);
  }

  std::optional<uint32_t> number() {
    uint32_t out = 0;
    auto text = here().text;
    auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (here().kind != token_kind::integer || problem != std::errc{} || out > 1000) {
      refuse(fmt::format("a number from 0 to 1000 is expected instead of `{}`", text));
      return 0;
    }
    ++next_;
    return out;
  }

  /// `PERMUTE(A, B, C)`: all orders, those first that keep the order written.
  pattern_element permutation() {
    next_ += 2;
    std::vector<pattern_element> parts;
    do
      parts.push_back(choice());
    while (!failed_ && accept(","));
    expect(")");
    if (parts.size() > longest_permutation)
      refuse(fmt::format("PERMUTE of more than {} parts has too many orders: write the ones meant "
                         "as alternatives",
                         longest_permutation));
    permuted_ += failed_ ? 0 : times_written(parts.size()) * variables_in(parts);
    if (permuted_ > most_permuted)
      refuse(fmt::format("written out, all orders of PERMUTE are more than {} variables: write the "
                         "ones meant as alternatives",
                         most_permuted));
    return failed_ ? element() : orders_of(parts);
  }

  /// How often `orders_of` writes each of `count` parts: once as the first, and in what follows
  /// each of the others.
  static size_t times_written(size_t count) {
    return count <= 1 ? 1 : 1 + (count - 1) * times_written(count - 1);
  }

  static size_t variables_in(const std::vector<pattern_element>& parts) {
    size_t sum = 0;
    for (const auto& x : parts)
      sum += x.variable ? 1 : variables_in(x.parts);
    return sum;
  }

  pattern_element orders_of(const std::vector<pattern_element>& parts) const {
    if (parts.size() == 1)
      return parts.front();
    auto out = element();
    out.alternatives = true;
    for (size_t first = 0; first < parts.size(); ++first) {
      auto rest = parts;
      rest.erase(rest.begin() + static_cast<ptrdiff_t>(first));
      auto order = element();
      order.parts.push_back(parts[first]);
      order.parts.push_back(orders_of(rest));
      out.parts.push_back(std::move(order));
    }
    return out;
  }

  contiguity between_;
  std::vector<token> tokens_;
  size_t next_ = 0;
  int depth_ = 0;
  size_t permuted_ = 0;
  bool failed_ = false;
  expression_error error_;
  std::vector<std::string> variables_;
};

} // namespace

tl::expected<pattern_text, expression_error> parse_pattern(std::string_view text,
                                                           contiguity between) {
  if (text.size() > 10'000)
    return tl::unexpected{expression_error{"a pattern has at most 10000 bytes", 10'000}};
  return pattern_parser{text, between}.whole();
}

} // namespace keyfold
