#pragma once

#include "messages/feature_query.hpp"
#include "messages/push.hpp"
#include "messages/readiness.hpp"

#include <caf/fwd.hpp>
#include <prometheus/registry.h>

#include <memory>

namespace keyfold::http {

/// What the server serves: it outlives the server.
struct dependencies {
  caf::actor_system& system;
  feature_gateway& gateway;
  std::shared_ptr<const feature_catalog> catalog;
  push_endpoint* push = nullptr; ///< null: no stream takes pushes
  const readiness& ready;
  std::shared_ptr<prometheus::Registry> metrics;
};

} // namespace keyfold::http
