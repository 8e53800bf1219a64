#pragma once

#include "features/view.hpp"

#include <cstdint>

namespace keyfold::windows {

/// A column of a view's rows that goes with what the view says of them.
struct carried_column {
  uint32_t number; ///< of the stream's rows
  column as;
};

} // namespace keyfold::windows
