#pragma once

#include "config/graph.hpp"
#include "config/node.hpp"
#include "config/plan.hpp"

#include <vector>

namespace keyfold::config {

/// Reads `on_demand`: features computed from others when they are read. Complains of what is wrong.
std::vector<on_demand_plan> read_on_demand(const node& definition, const graph& views);

} // namespace keyfold::config
