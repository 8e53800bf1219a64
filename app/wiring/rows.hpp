#pragma once

#include "config/plan.hpp"
#include "connectors/formats/row_writer.hpp"

#include <string>
#include <vector>

namespace keyfold {

/// What an output receives, by `change::source`: of each of its views, then of each of its streams.
std::vector<change_columns> columns_of(const config::plan& plan, const config::output_plan& x);

/// What the output of dead letters receives.
change_columns dead_letter_columns();

} // namespace keyfold
