#pragma once

#include "features/data_type.hpp"

#include <string>

namespace keyfold {

/// A column of what a view publishes, or of a table.
struct column {
  std::string name;
  data_type type;
};

} // namespace keyfold
