#pragma once

#include "config/node.hpp"
#include "features/pattern.hpp"

#include <string>
#include <vector>

namespace keyfold::config {

/// A pattern's tree with the texts of its conditions, and where they stand.
struct pattern_parts {
  pattern_element pattern;
  std::vector<pattern_settings::variable> variables;
  std::vector<node> conditions; ///< strings
};

/// Reads `stages`, the structured form of a pattern. Complains and returns false where it is wrong.
/// @param between what stages and loops have that do not say
bool read_stages(const node& stages, pattern_element::contiguity between, pattern_parts& out);

/// Reads `pattern` and `define`, the form of MATCH_RECOGNIZE.
bool read_pattern_text(const node& definition, pattern_element::contiguity between,
                       pattern_parts& out);

/// `strict`, `relaxed` or `any`.
pattern_element::contiguity contiguity_named(std::string_view name);

} // namespace keyfold::config
