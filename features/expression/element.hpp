#pragma once

#include "features/expression/node.hpp"

namespace keyfold::expressions {

/// `list[index]`, from 1, or `map[key]`; null where there is none.
node element_node(bool is_map, std::vector<node> children);

/// Items of a list, entries of a map.
node cardinality_node(bool is_map, node container);

/// Whether a list has an item equal to the second child; null when it has none, but has a null.
/// @pre both are of a type that `order` orders
node contains_item_node(cell_order order, std::vector<node> children);

} // namespace keyfold::expressions
