#include "http/endpoints.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>

namespace keyfold::http {

namespace {

using json = nlohmann::ordered_json;

/// Names with their types: features, columns.
template <class Items>
json describe_typed(const Items& items) {
  json result = json::array();
  for (const auto& x : items)
    result.push_back({{"name", x.name}, {"type", to_string(x.type)}});
  return result;
}

json describe(const view& x) {
  auto inputs = std::vector<std::string>{x.inputs().begin(), x.inputs().end()};
  return {{"name", x.name()},
          {"kind", x.kind()},
          {"inputs", inputs},
          {"open", x.open()},
          {"features", describe_typed(x.features())}};
}

json describe(const lookup_table& x) {
  json key = json::array();
  for (auto column : x.key())
    key.push_back(x.columns()[column].name);
  return {{"name", x.name()}, {"key", std::move(key)}, {"fields", describe_typed(x.columns())}};
}

json describe(const entity_definition& x) {
  json views = json::array();
  for (const auto& view : x.views)
    views.push_back(describe(*view));
  return {{"name", x.name}, {"key", describe_typed(x.key)}, {"views", std::move(views)}};
}

json describe(const feature_catalog& catalog, const feature_catalog::service& x) {
  json features = json::array();
  for (const auto& item : x.features) {
    if (item.on_demand) {
      const auto& computed = catalog.on_demand[*item.on_demand];
      features.push_back(
          fmt::format("{}:{}", computed.name, computed.features[item.feature.feature].name));
      continue;
    }
    const auto& view = *catalog.entities[item.entity]->views[item.feature.view];
    features.push_back(
        fmt::format("{}:{}", view.name(), view.features()[item.feature.feature].name));
  }
  return {{"name", x.name}, {"features", std::move(features)}};
}

json describe(const feature_catalog& catalog, const on_demand_view& x) {
  json features = json::array();
  for (const auto& feature : x.features)
    features.push_back({{"name", feature.name}, {"type", to_string(feature.value.type())}});
  return {{"name", x.name},
          {"entity", catalog.entities[x.entity]->name},
          {"request", describe_typed(x.parameters)},
          {"features", std::move(features)}};
}

json describe_streams(const service& shared) {
  std::map<std::string, bool> takes_pushes;
  for (const auto& entity : shared.index.catalog().entities)
    for (const auto& input : entity->inputs)
      takes_pushes.emplace(input.stream, false);
  if (shared.outside.push != nullptr)
    for (const auto& name : shared.outside.push->streams())
      takes_pushes[name] = true;
  json result = json::array();
  for (const auto& [name, takes] : takes_pushes)
    result.push_back({{"name", name}, {"takes_pushes", takes}});
  return result;
}

} // namespace

std::string definitions_body(const service& shared) {
  const auto& catalog = shared.index.catalog();
  json entities = json::array();
  for (const auto& entity : catalog.entities)
    entities.push_back(describe(*entity));
  json services = json::array();
  for (const auto& x : catalog.services)
    services.push_back(describe(catalog, x));
  json on_demand = json::array();
  for (const auto& x : catalog.on_demand)
    on_demand.push_back(describe(catalog, x));
  json tables = json::array();
  for (const auto& x : catalog.tables)
    tables.push_back(describe(*x));
  json body = {{"entities", std::move(entities)},
               {"on_demand", std::move(on_demand)},
               {"services", std::move(services)},
               {"streams", describe_streams(shared)},
               {"tables", std::move(tables)}};
  return body.dump(-1, ' ', false, json::error_handler_t::replace);
}

void get_definitions(const request&, responder to) {
  to.send({.body = to.shared().definitions});
}

} // namespace keyfold::http
