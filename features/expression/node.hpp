#pragma once

#include "features/expression.hpp"

#include "features/expression/like_pattern.hpp"

#include <array>
#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace keyfold::expressions {

/// Bytes of text that one evaluation may make; a text beyond them is null.
inline constexpr size_t most_text_per_evaluation = size_t{1} << 20;

/// What an evaluation works with.
struct evaluation {
  std::span<const cell> row;
  arena& scratch;
  size_t text_left = most_text_per_evaluation;
  bool exhausted = false; ///< a text was refused

  /// Room for a text of `size` bytes; null when the evaluation has made too much already.
  char* make_text(size_t size) {
    if (size > text_left) {
      exhausted = true;
      return nullptr;
    }
    text_left -= size;
    return scratch.allocate_text(size);
  }
};

/// Orders two cells that are not null and of one kind.
using cell_order = std::strong_ordering (*)(const cell&, const cell&) noexcept;

} // namespace keyfold::expressions

namespace keyfold {

/// A part of a compiled expression: a function and what it works on. Which of the members are used
/// is the function's matter.
struct expression::node {
  using function = cell (*)(const node&, expressions::evaluation&);
  /// Makes a value of another type of one that is not null.
  using conversion = cell (*)(const cell&, const node&, expressions::evaluation&);

  function run = nullptr;
  std::vector<node> children;
  cell literal;          ///< its text lives as long as the expression
  uint32_t column = 0;   ///< in the row
  int32_t detail = 0;    ///< a scale, a unit
  int32_t precision = 0; ///< of the decimal it makes
  expressions::cell_order order = nullptr;
  conversion convert = nullptr;
  std::vector<cell> members; ///< literals, in `order`
  bool has_null_member = false;
  std::shared_ptr<const expressions::like_pattern> pattern;

  cell evaluate(expressions::evaluation& with) const { return run(*this, with); }
  cell evaluate(size_t child, expressions::evaluation& with) const {
    const auto& x = children[child];
    return x.run(x, with);
  }
};

} // namespace keyfold

namespace keyfold::expressions {

using node = expression::node;

/// A function of values none of which is null.
using plain_function = cell (*)(std::span<const cell> arguments, evaluation& with);

/// At most this many arguments has a plain function.
inline constexpr size_t most_plain_arguments = 4;

/// Null if an argument is, else what `function` makes of them.
template <plain_function function>
cell strict(const node& self, evaluation& with) {
  std::array<cell, most_plain_arguments> arguments;
  for (size_t i = 0; i < self.children.size(); ++i) {
    arguments[i] = self.evaluate(i, with);
    if (arguments[i].is_null())
      return {};
  }
  return function({arguments.data(), self.children.size()}, with);
}

/// As `strict`, of one value and with the node at hand.
template <cell (*function)(const cell&, const node&, evaluation&)>
cell strict_unary(const node& self, evaluation& with) {
  auto x = self.evaluate(0, with);
  return x.is_null() ? x : function(x, self, with);
}

/// A real, or null for what is no finite number.
inline cell finite_real(double x) noexcept {
  // False for infinities and NaN.
  return x - x == 0 ? cell::real(x) : cell{};
}

node literal_node(const cell& value);
node column_node(uint32_t column);

} // namespace keyfold::expressions
