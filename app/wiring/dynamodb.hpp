#pragma once

#include "config/plan.hpp"
#include "messages/dead_letter_queue.hpp"
#include "messages/event_output.hpp"
#include "messages/metrics.hpp"

#include <memory>
#include <string>

namespace keyfold {

/// Makes the output `x`, whose target is `target`. An error is a sentence for the user.
/// @param columns of its view or stream
result<std::unique_ptr<event_output>>
make_dynamodb(const config::output_plan& x, const config::dynamodb_output& target,
              change_columns columns, const std::string& application,
              const std::shared_ptr<metrics_registry>& metrics,
              const std::shared_ptr<dead_letter_queue>& letters);

} // namespace keyfold
