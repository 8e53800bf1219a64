#pragma once

#include "features/expression/node.hpp"

namespace keyfold::expressions {

/// `text LIKE pattern`.
node like_node(like_pattern pattern, node text);

/// A text, a pattern, perhaps an escape character: read anew at each evaluation. Null where the
/// pattern is malformed.
node like_node(std::vector<node> children);

} // namespace keyfold::expressions
