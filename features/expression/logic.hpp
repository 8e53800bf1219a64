#pragma once

#include "features/expression/node.hpp"

namespace keyfold::expressions {

// SQL's three-valued logic. Operands are evaluated from the left, and only as far as the result
// needs them.

node and_node(std::vector<node> children);
node or_node(std::vector<node> children);
node not_node(node child);
node is_null_node(node child);
/// CASE WHEN …: the children as in `operation::case_searched`.
node case_searched_node(std::vector<node> children);
/// The first child that is not null.
node coalesce_node(std::vector<node> children);

} // namespace keyfold::expressions
