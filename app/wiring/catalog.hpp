#pragma once

#include "config/plan.hpp"
#include "messages/feature_query.hpp"

#include <memory>

namespace keyfold {

/// What can be asked of a plan: its entities, tables, on-demand views and services.
std::shared_ptr<const feature_catalog> catalog_of(const config::plan& plan);

} // namespace keyfold
