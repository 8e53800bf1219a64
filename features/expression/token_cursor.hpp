#pragma once

#include "features/expression/lexer.hpp"
#include "features/expression/syntax.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace keyfold::expressions {

/// What all of the parser stands on: the tokens and the place in them, the tree's nodes, the error.
/// After the first error every function that makes a tree returns null.
class token_cursor {
public:
  explicit token_cursor(std::vector<token> tokens) : tokens_(std::move(tokens)) {}

  const expression_error& error() const noexcept { return error_; }

protected:
  const token& here() const { return tokens_[next_]; }
  const token& ahead() const;
  /// The token here, having gone past it.
  const token& take() { return tokens_[next_++]; }

  bool at_word(std::string_view word) const;
  bool at_symbol(std::string_view symbol) const;
  /// Goes past the word or symbol if it is here.
  bool accept_word(std::string_view word);
  bool accept_symbol(std::string_view symbol);
  /// As above, and an error if it is not.
  bool expect_word(std::string_view word);
  bool expect_symbol(std::string_view symbol);
  /// The token here, for a message.
  std::string_view shown() const;

  syntax_ptr refuse_at(size_t offset, std::string message);
  syntax_ptr refuse(std::string message) { return refuse_at(here().offset, std::move(message)); }

  static syntax_ptr leaf(operation what, size_t offset);
  static syntax_ptr text_literal(std::string_view text, size_t offset);
  /// `parent` with `child` behind its other children; null when either is, or when the tree becomes
  /// too deep.
  syntax_ptr adopt(syntax_ptr parent, syntax_ptr child);
  syntax_ptr parent_of(syntax_ptr child, operation what, const token& at);

  /// Counts a level of recursion while it lives.
  class level {
  public:
    explicit level(int& depth) : depth_(depth) { ++depth_; }
    ~level() { --depth_; }
    level(const level&) = delete;
    level& operator=(const level&) = delete;

  private:
    int& depth_;
  };
  level enter() { return level{depth_}; }
  bool too_deep() const noexcept;
  syntax_ptr refuse_depth(size_t offset);

private:
  std::vector<token> tokens_;
  size_t next_ = 0;
  int depth_ = 0;
  expression_error error_;
};

} // namespace keyfold::expressions
