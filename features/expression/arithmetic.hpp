#pragma once

#include "features/expression/node.hpp"
#include "features/expression/syntax.hpp"

namespace keyfold::expressions {

/// `left what right`, both of `kind`: int64, double or decimal. Null where the result is none of
/// that kind, and on division by zero. @pre `what` is one of the five operations
/// @param scale of a decimal result
node arithmetic_node(operation what, type_kind kind, uint8_t scale, node left, node right);

/// `-child`; null where that is no int64.
node negate_node(node child);

/// ABS, and SIGN: -1, 0 or 1.
node absolute_node(node child);
node sign_node(node child);

enum class rounding : uint8_t { floor, ceiling, half_away };

/// `child` to `scale` digits after the point; of a decimal, the result has that scale.
node round_decimal_node(rounding how, uint8_t scale, node child);
node round_real_node(rounding how, node child);

/// Digits after the point of a quotient of decimals.
inline constexpr uint8_t quotient_scale = 6;

} // namespace keyfold::expressions
