#pragma once

#include "features/cell.hpp"

#include <span>

namespace keyfold {

/// Makes a map of entries in any order: it has them in the order of their keys, so that equal maps
/// are identical; of equal keys the last one counts. The entries are copied into `memory`, what
/// they point to is not.
/// @param entries key, value, key, value …; keys are strings
cell make_map_cell(std::span<const cell> entries, arena& memory);

} // namespace keyfold
