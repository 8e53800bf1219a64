#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace keyfold::config {

/// The numbers 0, 1 … of `before`, each after those that `before` lists for it, else in their
/// order.
/// @param found_circle is called for each circle with the numbers on it, each listed before the one
/// in front of it, the first one at the end again; what is on a circle comes in any order
std::vector<uint32_t>
sort_by_stage(const std::vector<std::vector<uint32_t>>& before,
              const std::function<void(std::span<const uint32_t>)>& found_circle);

} // namespace keyfold::config
