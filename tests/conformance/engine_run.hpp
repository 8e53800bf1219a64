#pragma once

#include "case.hpp"

#include <memory>

namespace caf {
class actor_system;
}

namespace keyfold::conformance {

/// Runs the definitions of cases as `keyfold run` does: compiled, wired to routers and keys, a
/// ledger and an output that is a file. Only the sources are ours: they give the steps one by one,
/// so that time moves as the case says.
class engine_runner {
public:
  engine_runner();
  ~engine_runner();

  /// What is wrong; empty: the case passes.
  std::string problem(const run& x);

private:
  struct world;
  std::unique_ptr<world> world_;
};

} // namespace keyfold::conformance
