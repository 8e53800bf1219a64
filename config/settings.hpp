#pragma once

#include "config/node.hpp"
#include "config/plan.hpp"

namespace keyfold::config {

/// Reads `serving`, `ledger` and `limits`; complains of what cannot be.
serving_plan read_serving(const node& at);
ledger_plan read_ledger(const node& at);
limits_plan read_limits(const node& at);

} // namespace keyfold::config
