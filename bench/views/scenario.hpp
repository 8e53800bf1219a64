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

/// A text that lives as long as the program: one of so many, at most 100,000.
cell word(random_source& random, size_t among);
inline constexpr size_t most_words = 100'000;

/// The views of the examples, as their definitions have them; columns are drawn as their generators
/// draw them. What cannot be made is named on stderr.
std::vector<scenario> example_scenarios();
/// A view of each kind, and variants; those that are heavy by what they are asked for are last.
std::vector<scenario> plain_scenarios();

} // namespace keyfold::bench
