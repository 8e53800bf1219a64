#pragma once

#include "config/node.hpp"
#include "config/plan.hpp"

namespace keyfold::config {

/// Reads how a basin of S2 is reached: `endpoint`, `basin`, `token` and what TLS needs.
s2_basin read_s2_basin(const node& at);

/// Reads a stream's source.
s2_source read_s2_source(const node& at);

} // namespace keyfold::config
