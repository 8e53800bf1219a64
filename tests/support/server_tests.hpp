#pragma once

#include <functional>
#include <string>
#include <vector>

namespace keyfold::testing {

/// A real server that the cases of a program need.
struct needed_server {
  std::string name; ///< as in `the tests with NAME`
  /// The tag of the cases that need it; empty if all do.
  std::string tag;
  /// The reason why there is none to be had; empty when it runs.
  std::function<std::string()> start;
  std::function<void()> stop_and_wipe;
};

/// The main function of a Catch2 program whose cases need servers: starts them in their order, runs
/// the cases, leaving out those whose server there is not, and stops what was started. Prints a
/// line `skipped: …` for each server that there is not and, as its last line, `N passed, N failed,
/// N skipped`. Needs no main of Catch2's.
int run_with_servers(int argc, char** argv, const std::vector<needed_server>& servers);

} // namespace keyfold::testing
