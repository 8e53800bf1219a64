#include "features/expression/token_cursor.hpp"

#include "features/expression/parser.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace keyfold::expressions {

const token& token_cursor::ahead() const {
  return tokens_[std::min(next_ + 1, tokens_.size() - 1)];
}

bool token_cursor::at_word(std::string_view word) const {
  return here().kind == token_kind::word && same_word(here().text, word);
}

bool token_cursor::at_symbol(std::string_view symbol) const {
  return here().kind == token_kind::symbol && here().text == symbol;
}

bool token_cursor::accept_word(std::string_view word) {
  if (!at_word(word))
    return false;
  ++next_;
  return true;
}

bool token_cursor::accept_symbol(std::string_view symbol) {
  if (!at_symbol(symbol))
    return false;
  ++next_;
  return true;
}

bool token_cursor::expect_word(std::string_view word) {
  if (accept_word(word))
    return true;
  refuse(fmt::format("{} is expected instead of `{}`", word, shown()));
  return false;
}

bool token_cursor::expect_symbol(std::string_view symbol) {
  if (accept_symbol(symbol))
    return true;
  refuse(fmt::format("`{}` is expected instead of `{}`", symbol, shown()));
  return false;
}

std::string_view token_cursor::shown() const {
  return here().kind == token_kind::end ? std::string_view{"the end"} : here().text.substr(0, 40);
}

syntax_ptr token_cursor::refuse_at(size_t offset, std::string message) {
  if (error_.message.empty())
    error_ = {std::move(message), offset};
  return nullptr;
}

syntax_ptr token_cursor::leaf(operation what, size_t offset) {
  auto x = std::make_unique<syntax>();
  x->what = what;
  x->offset = offset;
  return x;
}

syntax_ptr token_cursor::text_literal(std::string_view text, size_t offset) {
  auto x = leaf(operation::literal, offset);
  x->type.kind = type_kind::string;
  x->name = text;
  return x;
}

syntax_ptr token_cursor::adopt(syntax_ptr parent, syntax_ptr child) {
  if (!parent || !child)
    return nullptr;
  parent->depth = std::max(parent->depth, child->depth + 1);
  if (parent->depth > deepest_nesting)
    return refuse_depth(parent->offset);
  parent->children.push_back(std::move(child));
  return parent;
}

syntax_ptr token_cursor::parent_of(syntax_ptr child, operation what, const token& at) {
  auto parent = leaf(what, at.offset);
  parent->name = at.text;
  return adopt(std::move(parent), std::move(child));
}

bool token_cursor::too_deep() const noexcept {
  return depth_ > deepest_nesting;
}

syntax_ptr token_cursor::refuse_depth(size_t offset) {
  return refuse_at(offset, fmt::format("expression is nested deeper than {} levels: split it into "
                                       "derived fields",
                                       deepest_nesting));
}

} // namespace keyfold::expressions
