#pragma once

#include "features/expression/node.hpp"
#include "features/expression/syntax.hpp"

namespace keyfold::expressions {

/// How cells of a type are ordered: false before true, NaN equal to itself and behind every other
/// number, texts by their bytes. Null where a type has no order.
cell_order order_of(type_kind kind) noexcept;

/// As above, for numbers of any kind side by side.
cell_order mixed_order_of(type_kind kind) noexcept;

/// `left what right`, both of `kind`. @pre `what` is a comparison and `kind` has an order
node compare_node(operation what, type_kind kind, node left, node right);

/// `value` lies between two others; what `value >= low AND value <= high` says. @pre three children
node between_node(type_kind kind, std::vector<node> children);

/// The first child is among the others. Those that are literals are sorted once.
node in_node(type_kind kind, std::vector<node> children);

/// CASE value WHEN …: the children as in `operation::case_simple`.
node case_simple_node(type_kind compared, std::vector<node> children);

/// Null if both are equal, else `value`. Numbers may be of different kinds.
node nullif_node(type_kind compared, node value, node unwanted);

/// The least or greatest of the children that are not null.
node extreme_node(type_kind kind, bool greatest, std::vector<node> children);

} // namespace keyfold::expressions
