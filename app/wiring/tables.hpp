#pragma once

#include "config/plan.hpp"
#include "messages/dead_letter_queue.hpp"
#include "messages/metrics.hpp"
#include "messages/table_source.hpp"

#include <memory>

namespace keyfold {

/// Makes what fills a table, or answers for it; loads and connects nothing yet. An error is a
/// sentence for the user.
result<std::shared_ptr<table_source>> make_table(const config::table_plan& x,
                                                 const config::plan& of,
                                                 const std::shared_ptr<metrics_registry>& metrics,
                                                 const std::shared_ptr<dead_letter_queue>& letters);

} // namespace keyfold
