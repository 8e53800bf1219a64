#include "http/endpoints.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>

namespace keyfold::http {

namespace {

using json = nlohmann::ordered_json;

json describe(const view& x) {
  json features = json::array();
  for (const auto& feature : x.features())
    features.push_back({{"name", feature.name}, {"type", to_string(feature.type)}});
  auto inputs = std::vector<std::string>{x.inputs().begin(), x.inputs().end()};
  return {{"name", x.name()},
          {"kind", x.kind()},
          {"inputs", inputs},
          {"open", x.open()},
          {"features", std::move(features)}};
}

json describe(const entity_definition& x) {
  json key = json::array();
  for (const auto& field : x.key)
    key.push_back({{"name", field.name}, {"type", to_string(field.type)}});
  json views = json::array();
  for (const auto& view : x.views)
    views.push_back(describe(*view));
  return {{"name", x.name}, {"key", std::move(key)}, {"views", std::move(views)}};
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
  json parameters = json::array();
  for (const auto& parameter : x.parameters)
    parameters.push_back({{"name", parameter.name}, {"type", to_string(parameter.type)}});
  return {{"name", x.name},
          {"entity", catalog.entities[x.entity]->name},
          {"request", std::move(parameters)},
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
  json body = {{"entities", std::move(entities)},
               {"on_demand", std::move(on_demand)},
               {"services", std::move(services)},
               {"streams", describe_streams(shared)}};
  return body.dump(-1, ' ', false, json::error_handler_t::replace);
}

void get_definitions(const request&, responder to) {
  to.send({.body = to.shared().definitions});
}

} // namespace keyfold::http
