#pragma once

#include "features/expression/syntax.hpp"

#include "features/expression.hpp"

#include <string_view>

namespace keyfold::expressions {

/// Bytes of an expression's text.
inline constexpr size_t longest_text = size_t{64} << 10;
/// Levels of a syntax tree; chains of AND, OR and || count as one.
inline constexpr int deepest_nesting = 200;

/// Reads an expression by the grammar of docs/expressions.md.
tl::expected<syntax_ptr, expression_error> parse(std::string_view text);

} // namespace keyfold::expressions
