#include "http/catalog_index.hpp"

#include "features/entity_key.hpp"
#include "http/json_writer.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace keyfold::http {

namespace {

std::string json_name(std::string_view name) {
  json_writer out;
  out.string(name);
  out.raw(':');
  return std::string{out.view()};
}

} // namespace

catalog_index::catalog_index(std::shared_ptr<const feature_catalog> catalog)
    : catalog_(std::move(catalog)) {
  entities_.resize(catalog_->entities.size());
  for (uint32_t i = 0; i < catalog_->entities.size(); ++i)
    add_entity(i);
  for (uint32_t i = 0; i < catalog_->services.size(); ++i)
    services_.insert(catalog_->services[i].name, i);
}

void catalog_index::add_entity(uint32_t number) {
  auto& index = entities_[number];
  const auto& entity = *catalog_->entities[number];
  index.number = number;
  index.definition = &entity;
  by_name_.insert(entity.name, number);
  for (const auto& field : entity.key) {
    index.key_types.push_back(field.type);
    index.key_json.push_back(json_name(field.name));
  }
  index.plain_key = entity.key.size() == 1 && entity.key[0].type.kind == type_kind::string;
  name_map<uint32_t> holders;
  for (const auto& view : entity.views)
    for (const auto& feature : view->features())
      ++holders[feature.name];
  for (const auto& view : catalog_->on_demand)
    for (const auto& feature : view.features)
      holders[feature.name] += view.entity == number ? 1 : 0;
  for (uint32_t v = 0; v < entity.views.size(); ++v) {
    const auto& view = *entity.views[v];
    views_.insert(view.name(), {number, v});
    index.views.insert(view.name(), v);
    index.open_views += view.open() ? 1 : 0;
    for (uint32_t f = 0; f < view.features().size(); ++f) {
      const auto& name = view.features()[f].name;
      auto full = fmt::format("{}:{}", view.name(), name);
      auto unique = *holders.find(name) == 1;
      auto place = static_cast<uint32_t>(index.features.size());
      const auto& shown = unique ? name : full;
      index.features.push_back({{v, f}, shown, json_name(shown)});
      index.places.push_back({v, f});
      if (unique)
        index.by_name.insert(name, place);
      index.by_name.insert(full, place);
    }
  }
  add_computed(index, holders);
}

void catalog_index::add_computed(entity_index& index, const name_map<uint32_t>& holders) {
  for (const auto& view : catalog_->on_demand) {
    if (view.entity != index.number)
      continue;
    for (uint32_t i = 0; i < view.features.size(); ++i) {
      const auto& name = view.features[i].name;
      auto full = fmt::format("{}:{}", view.name, name);
      auto unique = *holders.find(name) == 1;
      auto place = static_cast<uint32_t>(index.computed.size());
      const auto& shown = unique ? name : full;
      index.computed.push_back({&view, i, shown, json_name(shown)});
      if (unique)
        index.computed_by_name.insert(name, place);
      index.computed_by_name.insert(full, place);
    }
    for (const auto& x : view.parameters)
      if (std::find(index.parameters.begin(), index.parameters.end(), x.name)
          == index.parameters.end())
        index.parameters.push_back(x.name);
  }
}

const on_demand_view* catalog_index::on_demand(std::string_view name) const {
  for (const auto& x : catalog_->on_demand)
    if (x.name == name)
      return &x;
  return nullptr;
}

const entity_index* catalog_index::entity(std::string_view name) const {
  auto* number = by_name_.find(name);
  return number == nullptr ? nullptr : &entities_[*number];
}

const feature_catalog::service* catalog_index::service(std::string_view name) const {
  auto* number = services_.find(name);
  return number == nullptr ? nullptr : &catalog_->services[*number];
}

std::optional<uint32_t> catalog_index::feature(view_place place, std::string_view name) const {
  std::string full{at(place).name()};
  full += ':';
  full += name;
  const auto& index = entities_[place.entity];
  auto* found = index.by_name.find(full);
  if (found == nullptr)
    return std::nullopt;
  return index.features[*found].place.feature;
}

result<canonical_key> read_key(const entity_index& entity, std::string_view text, arena& memory) {
  canonical_key key;
  if (entity.plain_key && text.find_first_of("|\\") == std::string_view::npos) {
    key.text = text;
    return key;
  }
  auto fields = parse_entity_key(text, entity.key_types, memory);
  if (!fields)
    return tl::unexpected{fields.error()};
  key.fields = std::move(*fields);
  if (!append_entity_key(key.fields, key.text))
    return fail("a field of the key is null; give every field a value");
  return key;
}

} // namespace keyfold::http
