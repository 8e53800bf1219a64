#pragma once

#include "features/expression/syntax.hpp"

#include "features/expression.hpp"

namespace keyfold::expressions {

/// Types and compiles a tree that `parse` made, or that was made of one: for those whose language
/// has more than expressions, e.g. patterns, and who replace that part by columns first.
tl::expected<expression, expression_error> compile(const syntax& tree, const scope& columns);

} // namespace keyfold::expressions
