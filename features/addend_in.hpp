#pragma once

#include "features/cell.hpp"
#include "features/decimal.hpp"

#include <cmath>
#include <optional>

namespace keyfold {

/// The number in the cell, as a double; nothing where there is none, or none that is finite.
inline std::optional<double> addend_in(const cell& x) noexcept {
  switch (x.kind()) {
  case cell_kind::integer:
    return static_cast<double>(x.as_integer());
  case cell_kind::decimal:
    return decimal_to_double(x.unscaled(), x.scale());
  case cell_kind::real:
    return std::isfinite(x.as_real()) ? std::optional{x.as_real()} : std::nullopt;
  default:
    return std::nullopt;
  }
}

} // namespace keyfold
