#pragma once

#include "features/expression/node.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace keyfold::expressions {

/// A function whose types are fixed. Overloads are tried in the order of the list; an argument that
/// asks for float64 takes every number, one that asks for int64 every integer.
struct function_signature {
  std::string_view name;
  std::array<type_kind, most_plain_arguments> arguments;
  uint8_t fewest; ///< arguments
  uint8_t most;
  type_kind result;
  node::function run;
};

std::span<const function_signature> text_functions() noexcept;
std::span<const function_signature> number_functions() noexcept;
std::span<const function_signature> time_functions() noexcept;

/// CONCAT and `||`: null if an operand is.
node concatenation_node(std::vector<node> children);

} // namespace keyfold::expressions
