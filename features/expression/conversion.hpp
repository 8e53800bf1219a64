#pragma once

#include "features/expression/node.hpp"

namespace keyfold::expressions {

/// Whether CAST can make a `to` of a `from`.
bool convertible(const data_type& from, const data_type& to) noexcept;

/// CAST: null where a value has no counterpart in `to`. @pre `convertible(from, to)`
node convert_node(const data_type& from, const data_type& to, node child);

/// Integers as decimals of any size, for comparisons and as operands.
node integer_as_decimal_node(node child);

} // namespace keyfold::expressions
