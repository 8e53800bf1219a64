#pragma once

#include "config/graph.hpp"
#include "config/node.hpp"
#include "config/plan.hpp"

#include <vector>

namespace keyfold::config {

/// Reads which rows the output at `at` writes, and how: `views` or `streams`, `key`, `columns`, the
/// formats. Marks in `streams` the columns used.
void read_output_rows(const node& at, const graph& views, std::vector<declared_stream>& streams,
                      output_plan& to);

} // namespace keyfold::config
