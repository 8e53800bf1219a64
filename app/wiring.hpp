#pragma once

#include "actors/engine.hpp"
#include "config/plan.hpp"
#include "http/settings.hpp"
#include "messages/feature_query.hpp"
#include "messages/push.hpp"

#include <memory>
#include <string>
#include <vector>

namespace keyfold {

/// What a plan becomes: the parts of a running program. The plan's settings go to each part as its
/// own plain struct, so that no part knows the definition language.
struct wired_plan {
  engine_settings engine;
  http::server_settings serving;
  std::shared_ptr<const feature_catalog> catalog;
  std::shared_ptr<push_endpoint> push; ///< null: no stream takes pushes
};

/// Makes sources, tables and outputs; connects to nothing yet. An error is a sentence for the user.
/// @param bounded sources end where their data ends now
result<wired_plan> wire(const config::plan& plan, bool bounded,
                        const std::shared_ptr<metrics_registry>& metrics);

/// Reads a definition file and compiles it with the process's environment.
tl::expected<config::plan, config::plan_errors> load_plan(const std::string& path);

} // namespace keyfold
