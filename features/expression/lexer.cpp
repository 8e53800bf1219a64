#include "features/expression/lexer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace keyfold::expressions {

namespace {

constexpr std::array<std::string_view, 6> long_symbols{"<>", "!=", "<=", ">=", "||", "=="};
constexpr std::string_view short_symbols = "+-*/%=<>(),.[]";

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

/// Letters of other scripts count as letters: their bytes are above 0x7f.
bool begins_word(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'
         || static_cast<unsigned char>(c) >= 0x80;
}

bool continues_word(char c) noexcept {
  return begins_word(c) || is_digit(c) || c == '$';
}

bool is_space(char c) noexcept {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

class lexer {
public:
  explicit lexer(std::string_view text) : text_(text) {}

  tl::expected<std::vector<token>, expression_error> all() {
    std::vector<token> tokens;
    do {
      auto next = take();
      if (!next)
        return tl::unexpected{std::move(next).error()};
      tokens.push_back(*next);
    } while (tokens.back().kind != token_kind::end);
    return tokens;
  }

private:
  tl::expected<token, expression_error> take() {
    while (next_ < text_.size() && is_space(text_[next_]))
      ++next_;
    if (next_ == text_.size())
      return token{token_kind::end, {}, next_};
    auto c = text_[next_];
    if (begins_word(c))
      return finish(token_kind::word, end_of_word(next_));
    if (is_digit(c) || (c == '.' && next_ + 1 < text_.size() && is_digit(text_[next_ + 1])))
      return number();
    if (c == '\'' || c == '"')
      return quoted(c);
    return symbol();
  }

  token finish(token_kind kind, size_t end) {
    token x{kind, text_.substr(next_, end - next_), next_};
    next_ = end;
    return x;
  }

  size_t end_of_word(size_t from) const {
    while (from < text_.size() && continues_word(text_[from]))
      ++from;
    return from;
  }

  size_t end_of_digits(size_t from) const {
    while (from < text_.size() && is_digit(text_[from]))
      ++from;
    return from;
  }

  tl::expected<token, expression_error> number() {
    auto kind = token_kind::integer;
    auto end = end_of_digits(next_);
    if (end < text_.size() && text_[end] == '.') {
      kind = token_kind::decimal;
      end = end_of_digits(end + 1);
    }
    if (end < text_.size() && (text_[end] == 'e' || text_[end] == 'E')) {
      kind = token_kind::real;
      auto digits = end + 1;
      if (digits < text_.size() && (text_[digits] == '+' || text_[digits] == '-'))
        ++digits;
      end = end_of_digits(digits);
      if (end == digits)
        return error_at("number lacks the digits of its exponent, e.g. 1e6");
    }
    if (end < text_.size() && continues_word(text_[end]))
      return error_at("number runs into a name: put a space or an operator between them");
    return finish(kind, end);
  }

  tl::expected<token, expression_error> quoted(char quote) {
    auto end = next_ + 1;
    while (end < text_.size()) {
      if (text_[end] != quote) {
        ++end;
      } else if (end + 1 < text_.size() && text_[end + 1] == quote) {
        end += 2;
      } else {
        return finish(quote == '\'' ? token_kind::string : token_kind::quoted, end + 1);
      }
    }
    return error_at(quote == '\'' ? "string has no closing quote: write ' at its end, and '' for a "
                                    "quote inside"
                                  : "quoted name has no closing \"");
  }

  tl::expected<token, expression_error> symbol() {
    for (auto symbol : long_symbols)
      if (text_.substr(next_, 2) == symbol)
        return finish(token_kind::symbol, next_ + 2);
    auto c = text_[next_];
    if (short_symbols.find(c) != std::string_view::npos)
      return finish(token_kind::symbol, next_ + 1);
    if (c > ' ' && c < 0x7f)
      return error_at(fmt::format("`{}` is not part of the expression language", c));
    return error_at(fmt::format("byte 0x{:02x} is not part of the expression language",
                                static_cast<unsigned>(static_cast<unsigned char>(c))));
  }

  tl::unexpected<expression_error> error_at(std::string message) const {
    return tl::unexpected{expression_error{std::move(message), next_}};
  }

  std::string_view text_;
  size_t next_ = 0;
};

char upper(char c) noexcept {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

} // namespace

tl::expected<std::vector<token>, expression_error> tokenize(std::string_view text) {
  return lexer{text}.all();
}

std::string unquote(std::string_view text) {
  std::string out;
  for (size_t i = 1; i + 1 < text.size(); ++i) {
    out.push_back(text[i]);
    if (text[i] == text.front())
      ++i;
  }
  return out;
}

bool same_word(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return upper(x) == upper(y); });
}

std::string upper_case(std::string_view text) {
  std::string out{text};
  std::transform(out.begin(), out.end(), out.begin(), upper);
  return out;
}

} // namespace keyfold::expressions
