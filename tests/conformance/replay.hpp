#pragma once

#include "case.hpp"

#include <string>
#include <vector>

namespace keyfold::conformance {

/// What came of a run.
struct outcome {
  bool compiled = false;
  std::vector<std::string> problems; ///< of the definition
  std::vector<json> emitted;
};

/// Compiles the definition and feeds the steps to the pure state machines, key by key.
outcome replay(const run& x);

} // namespace keyfold::conformance
