#pragma once

#include "actors/engine.hpp"
#include "app/avro_parts.hpp"
#include "config/plan.hpp"
#include "messages/metrics.hpp"

#include <memory>

namespace keyfold {

/// Makes the outputs of a plan, that of dead letters last; connects to nothing yet. An error is a
/// sentence for the user. @pre the engine has its queue of dead letters
result<void> add_outputs(const config::plan& plan, engine_settings& engine,
                         registry_pool& registries,
                         const std::shared_ptr<metrics_registry>& metrics);

} // namespace keyfold
