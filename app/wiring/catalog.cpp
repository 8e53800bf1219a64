#include "app/wiring/catalog.hpp"

namespace keyfold {

namespace {

/// Where a feature that a definition names is.
std::optional<feature_catalog::service_feature> place_of(const feature_catalog& catalog,
                                                         const config::service_plan::item& wanted) {
  for (uint32_t entity = 0; entity < catalog.entities.size(); ++entity)
    for (uint32_t view = 0; view < catalog.entities[entity]->views.size(); ++view) {
      const auto& definition = *catalog.entities[entity]->views[view];
      for (uint32_t i = 0; definition.name() == wanted.view && i < definition.features().size();
           ++i)
        if (definition.features()[i].name == wanted.feature)
          return feature_catalog::service_feature{entity, {view, i}};
    }
  for (uint32_t view = 0; view < catalog.on_demand.size(); ++view) {
    const auto& computed = catalog.on_demand[view];
    for (uint32_t i = 0; computed.name == wanted.view && i < computed.features.size(); ++i)
      if (computed.features[i].name == wanted.feature)
        return feature_catalog::service_feature{computed.entity, {view, i}, view};
  }
  return std::nullopt;
}

void add_on_demand(const config::on_demand_plan& x, feature_catalog& to) {
  on_demand_view made{x.name, 0, {}, x.parameters, x.features};
  while (made.entity + 1 < to.entities.size() && to.entities[made.entity]->name != x.entity)
    ++made.entity;
  for (const auto& source : x.sources)
    made.sources.push_back(place_of(to, source)->feature); // the plan has been checked
  to.on_demand.push_back(std::move(made));
}

} // namespace

std::shared_ptr<const feature_catalog> catalog_of(const config::plan& plan) {
  auto result = std::make_shared<feature_catalog>();
  result->entities = plan.entities;
  for (const auto& x : plan.tables)
    result->tables.push_back(x.looked_up());
  for (const auto& x : plan.on_demand)
    add_on_demand(x, *result);
  for (const auto& x : plan.services) {
    auto& service = result->services.emplace_back();
    service.name = x.name;
    for (const auto& feature : x.features)
      if (auto place = place_of(*result, feature))
        service.features.push_back(*place);
  }
  return result;
}

} // namespace keyfold
