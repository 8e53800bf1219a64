#pragma once

#include "features/data_type.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace keyfold::expressions {

/// What a part of an expression does; with what its `children` are.
enum class operation : uint8_t {
  literal,
  column,
  call, ///< of the function `name`, in upper case: its arguments
  negate,
  logical_not,
  logical_and, ///< two or more
  logical_or,  ///< two or more
  add,
  subtract,
  multiply,
  divide,
  modulo,
  equal,
  not_equal,
  less,
  less_equal,
  greater,
  greater_equal,
  concatenate, ///< two or more
  in,          ///< the value, then one or more members
  between,     ///< the value, the lower end, the upper end
  like,        ///< the text, the pattern, perhaps the escape character
  is_null,
  element,       ///< a list or a map, an index or a key
  cast,          ///< a value, to `type`
  case_searched, ///< condition and result in turn, perhaps the result of ELSE
  case_simple,   ///< the value, then as above
};

struct syntax;
using syntax_ptr = std::unique_ptr<syntax>;

/// An expression as parsed: names and types are not looked at yet.
struct syntax {
  operation what = operation::literal;
  size_t offset = 0; ///< of the token that says best what it is
  std::string name; ///< of a column or function; of a literal: its text, of an operator: its symbol
  data_type type;   ///< of a literal or a cast
  int64_t integer = 0;
  double real = 0;
  std::vector<syntax_ptr> children;
  int depth = 1; ///< of the tree below, this one included
};

} // namespace keyfold::expressions
