#pragma once

#include "features/view.hpp"

#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace keyfold::bench {

using random_source = std::mt19937;
/// Appends the cells of a row of input `input`.
using row_maker = std::function<void(uint32_t input, random_source&, std::vector<cell>&)>;

/// A view, the streams it folds, and what comes in.
struct scenario {
  std::string name;
  std::string what; ///< for people: the definition in a few words
  result<std::shared_ptr<const view>> made;
  std::vector<std::shared_ptr<const stream_schema>> inputs;
  row_maker row;
};

/// All there are. First those that must fold a million events a second, then the heavy ones.
std::vector<scenario> all_scenarios();

} // namespace keyfold::bench
