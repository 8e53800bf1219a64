#pragma once

#include "features/cell.hpp"

namespace keyfold {

/// Whether `x` is null or a value of `type` through and through: items of lists and maps included,
/// decimals with its scale. To be asked of what bytes from outside say: a cell of another kind than
/// its column's would be misread later.
bool fits(const cell& x, const data_type& type) noexcept;

} // namespace keyfold
