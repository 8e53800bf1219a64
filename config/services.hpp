#pragma once

#include "config/graph.hpp"
#include "config/node.hpp"
#include "config/plan.hpp"

namespace keyfold::config {

/// Reads `services`; `*` becomes all features of its view.
std::vector<service_plan> read_services(const node& definition, const graph& views,
                                        const std::vector<on_demand_plan>& on_demand);

} // namespace keyfold::config
