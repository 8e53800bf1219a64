#pragma once

#include "config/graph.hpp"
#include "config/node.hpp"
#include "config/plan.hpp"

namespace keyfold::config {

/// Reads `outputs` and `dead_letter` into `to`, whose application and streams are there already.
/// Marks in `streams` the columns that outputs use.
void read_outputs(const node& definition, const graph& views, std::vector<declared_stream>& streams,
                  plan& to);

} // namespace keyfold::config
