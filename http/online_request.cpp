#include "http/online_request.hpp"

#include "features/entity_key.hpp"
#include "features/timestamp_format.hpp"
#include "http/suggestion.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <unordered_set>

namespace keyfold::http {

namespace dom = simdjson::dom;

namespace {

using done = tl::expected<void, online_fault>;

constexpr size_t max_features = 4096;

tl::unexpected<online_fault> malformed(std::string where, std::string message) {
  return tl::unexpected{online_fault{422, {}, std::move(where), std::move(message)}};
}

tl::unexpected<online_fault> refused(std::string message, unsigned status = 422,
                                     std::string_view error_class = "FeastError") {
  return tl::unexpected{online_fault{status, error_class, {}, std::move(message)}};
}

uint32_t part_of(online_request& to, const entity_index& entity) {
  for (uint32_t i = 0; i < to.parts.size(); ++i)
    if (to.parts[i].entity == &entity)
      return i;
  to.parts.push_back({&entity, {}, false, {}});
  return static_cast<uint32_t>(to.parts.size() - 1);
}

done add_feature(online_request& to, const catalog_index& index, view_place place,
                 std::string_view name) {
  if (to.features.size() == max_features)
    return refused(fmt::format("more than {} features are asked for", max_features));
  const auto& view = index.at(place);
  online_request::feature x{
      part_of(to, index.entity(place.entity)), 0, std::nullopt, std::string{name},
      to.full_names ? fmt::format("{}__{}", view.name(), name) : std::string{name}};
  auto& part = to.parts[x.part];
  if (auto number = index.feature(place, name)) {
    x.column = static_cast<uint32_t>(part.wanted.size());
    part.wanted.push_back({place.view, *number});
  } else if (view.open()) {
    x.open_view = place.view;
    part.with_open = true;
  } else {
    std::vector<std::string_view> names;
    for (const auto& f : view.features())
      names.push_back(f.name);
    return refused(fmt::format("Feature {} not found in feature view {}{}", name, view.name(),
                               suggestion(name, names)),
                   404, "FeastObjectNotFoundException");
  }
  if (std::find(to.views.begin(), to.views.end(), view.name()) == to.views.end())
    to.views.push_back(view.name());
  to.features.push_back(std::move(x));
  return {};
}

done add_computed(online_request& to, const catalog_index& index, const on_demand_view& of,
                  std::string_view name) {
  if (to.features.size() == max_features)
    return refused(fmt::format("more than {} features are asked for", max_features));
  std::vector<std::string_view> names;
  for (const auto& x : of.features)
    names.push_back(x.name);
  auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end())
    return refused(fmt::format("Feature {} not found in feature view {}{}", name, of.name,
                               suggestion(name, names)),
                   404, "FeastObjectNotFoundException");
  auto part = part_of(to, index.entity(of.entity));
  auto& wanted = to.parts[part].wanted;
  online_request::feature x{part,
                            static_cast<uint32_t>(wanted.size()),
                            std::nullopt,
                            std::string{name},
                            to.full_names ? fmt::format("{}__{}", of.name, name)
                                          : std::string{name},
                            &of,
                            static_cast<uint32_t>(found - names.begin())};
  wanted.insert(wanted.end(), of.sources.begin(), of.sources.end());
  if (std::find(to.views.begin(), to.views.end(), of.name) == to.views.end())
    to.views.push_back(of.name);
  to.features.push_back(std::move(x));
  return {};
}

done add_reference(online_request& to, const catalog_index& index, std::string_view reference) {
  auto colon = reference.find(':');
  if (colon == std::string_view::npos)
    return refused(fmt::format("Invalid feature reference \"{}\": write view:feature",
                               reference.substr(0, 100)));
  auto view = reference.substr(0, colon);
  if (const auto* computed = index.on_demand(view))
    return add_computed(to, index, *computed, reference.substr(colon + 1));
  auto* place = index.view(view);
  if (place == nullptr)
    return refused(fmt::format("Feature view {} does not exist{}", view.substr(0, 100),
                               suggestion(view, index.view_names())),
                   404, "FeatureViewNotFoundException");
  return add_feature(to, index, *place, reference.substr(colon + 1));
}

done add_service(online_request& to, const catalog_index& index, std::string_view name) {
  auto* service = index.service(name);
  if (service == nullptr)
    return refused(fmt::format("Feature service {} does not exist{}", name.substr(0, 100),
                               suggestion(name, index.service_names())),
                   404, "FeatureServiceNotFoundException");
  for (const auto& x : service->features) {
    if (x.on_demand) {
      const auto& computed = index.catalog().on_demand[*x.on_demand];
      const auto& feature = computed.features[x.feature.feature].name;
      if (auto added = add_computed(to, index, computed, feature); !added)
        return added;
      continue;
    }
    view_place place{x.entity, x.feature.view};
    const auto& info = index.at(place).features()[x.feature.feature];
    if (auto added = add_feature(to, index, place, info.name); !added)
      return added;
  }
  return {};
}

done read_features(online_request& to, const catalog_index& index, dom::object body) {
  std::string_view service;
  dom::element given;
  if (body["feature_service"].get(given) == simdjson::SUCCESS && !given.is_null()) {
    if (given.get(service) != simdjson::SUCCESS)
      return malformed("feature_service", "Input should be a valid string");
    return add_service(to, index, service);
  }
  dom::array names;
  if (body["features"].get(given) != simdjson::SUCCESS || given.is_null())
    return refused("No features specified for retrieval: give features or feature_service");
  if (given.get(names) != simdjson::SUCCESS)
    return malformed("features", "Input should be a valid list");
  for (auto x : names) {
    std::string_view name;
    if (x.get(name) != simdjson::SUCCESS)
      return malformed("features", "Input should be a list of strings");
    if (auto added = add_reference(to, index, name); !added)
      return added;
  }
  if (to.features.empty())
    return refused("No features specified for retrieval: the list is empty");
  return {};
}

done check_collisions(const online_request& to) {
  std::unordered_set<std::string_view> seen;
  for (const auto& x : to.features)
    if (!seen.insert(x.shown).second)
      return refused(fmt::format("Feature {} is asked for twice, or of two views; set "
                                 "full_feature_names to tell them apart",
                                 x.shown),
                     422, "FeatureNameCollisionError");
  return {};
}

template <class T>
std::optional<T> number_of(std::string_view text) {
  T x{};
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), x);
  return problem == std::errc{} && end == text.data() + text.size() ? std::optional{x}
                                                                    : std::nullopt;
}

std::optional<cell> text_key(std::string_view text, const data_type& type, arena& memory) {
  switch (type.kind) {
  case type_kind::string:
    return cell::string(memory.copy(text));
  case type_kind::bytes:
    return cell::bytes(memory.copy(text));
  case type_kind::timestamp:
    if (auto at = parse_timestamp(text, timestamp_unit::rfc3339))
      return cell::timestamp(*at);
    return std::nullopt;
  case type_kind::int32:
  case type_kind::int64:
    if (auto x = number_of<int64_t>(text))
      return cell::integer(*x);
    return std::nullopt;
  default:
    return std::nullopt;
  }
}

std::optional<cell> integer_key(int64_t x, const data_type& type, arena& memory) {
  switch (type.kind) {
  case type_kind::string: {
    auto text = fmt::format_int{x};
    return cell::string(memory.copy({text.data(), text.size()}));
  }
  case type_kind::int32:
  case type_kind::int64:
    return cell::integer(x);
  case type_kind::float32:
  case type_kind::float64:
    return cell::real(static_cast<double>(x));
  case type_kind::timestamp:
    if (auto at = timestamp_from_number(x, timestamp_unit::seconds))
      return cell::timestamp(*at);
    return std::nullopt;
  default:
    return std::nullopt;
  }
}

/// A key's value as the column's type; as lenient as Feast: a string key takes an integer, an
/// integer key a text of digits.
std::optional<cell> key_value(dom::element x, const data_type& type, arena& memory) {
  switch (x.type()) {
  case dom::element_type::STRING:
    return text_key(std::string_view(x), type, memory);
  case dom::element_type::INT64:
    return integer_key(int64_t(x), type, memory);
  case dom::element_type::DOUBLE:
    if (is_real(type.kind))
      return cell::real(double(x));
    return std::nullopt;
  case dom::element_type::BOOL:
    if (type.kind == type_kind::boolean)
      return cell::boolean(bool(x));
    return std::nullopt;
  default:
    return std::nullopt;
  }
}

bool in_range(const cell& x, const data_type& type) noexcept {
  return type.kind != type_kind::int32
         || (x.as_integer() >= std::numeric_limits<int32_t>::min()
             && x.as_integer() <= std::numeric_limits<int32_t>::max());
}

done read_join_key(online_request& to, dom::object entities, const column& key) {
  for (const auto& x : to.join_keys)
    if (x.name == key.name)
      return {};
  dom::element given;
  if (entities[key.name].get(given) != simdjson::SUCCESS)
    return refused(fmt::format("Missing join key values for keys: ['{}']", key.name), 422,
                   "FeastError");
  dom::array values;
  if (given.get(values) != simdjson::SUCCESS)
    return malformed("entities." + key.name, "Input should be a valid list");
  online_request::join_key x{key.name, {}};
  // No `reserve(values.size())`: simdjson's count saturates.
  for (auto value : values) {
    auto typed = key_value(value, key.type, to.memory);
    if (!typed || !in_range(*typed, key.type))
      return refused(fmt::format("{}: row {} of entities is no {}", key.name, x.values.size(),
                                 to_string(key.type)));
    x.values.push_back(*typed);
  }
  to.join_keys.push_back(std::move(x));
  return {};
}

done read_entities(online_request& to, dom::object body, size_t max_keys) {
  dom::element given;
  dom::object entities;
  if (body["entities"].get(given) != simdjson::SUCCESS)
    return malformed("entities", "Field required");
  if (given.get(entities) != simdjson::SUCCESS)
    return malformed("entities", "Input should be a valid dictionary");
  for (const auto& part : to.parts)
    for (const auto& key : part.entity->definition->key)
      if (auto read = read_join_key(to, entities, key); !read)
        return read;
  to.rows = to.join_keys.front().values.size();
  for (const auto& x : to.join_keys)
    if (x.values.size() != to.rows)
      return refused(
          "All entity rows must have the same columns: the lists have different lengths");
  if (to.rows == 0)
    return refused("No values provided for the join keys");
  if (to.rows * to.parts.size() > max_keys)
    return refused(fmt::format("{} keys are asked for, at most {} may be in one request",
                               to.rows * to.parts.size(), max_keys),
                   413);
  return {};
}

done read_parameter(online_request& to, dom::object entities, const column& parameter) {
  for (const auto& x : to.parameters)
    if (x.name == parameter.name)
      return {};
  dom::element given;
  if (entities[parameter.name].get(given) != simdjson::SUCCESS)
    return refused(fmt::format("Required request data '{}' not found in entities", parameter.name),
                   404, "RequestDataNotFoundInEntityRowsException");
  dom::array values;
  if (given.get(values) != simdjson::SUCCESS)
    return malformed("entities." + parameter.name, "Input should be a valid list");
  online_request::join_key x{parameter.name, {}};
  for (auto value : values) {
    auto typed =
        value.is_null() ? std::optional{cell{}} : key_value(value, parameter.type, to.memory);
    if (!typed || (!typed->is_null() && !in_range(*typed, parameter.type)))
      return refused(fmt::format("{}: row {} of entities is no {}", parameter.name, x.values.size(),
                                 to_string(parameter.type)));
    x.values.push_back(*typed);
  }
  if (x.values.size() != to.rows)
    return refused("All entity rows must have the same columns: the lists have different lengths");
  to.parameters.push_back(std::move(x));
  return {};
}

/// What computed features take from the request; it travels among the entities.
done read_parameters(online_request& to, dom::object body) {
  dom::object entities;
  if (body["entities"].get(entities) != simdjson::SUCCESS)
    return malformed("entities", "Field required");
  for (const auto& feature : to.features) {
    if (feature.computed_by == nullptr)
      continue;
    const auto& parameters = feature.computed_by->parameters;
    for (size_t i = 0; i < parameters.size(); ++i) {
      if (!feature.computed_by->needs(feature.number, i)
          && entities[parameters[i].name].error() != simdjson::SUCCESS)
        continue;
      if (auto read = read_parameter(to, entities, parameters[i]); !read)
        return read;
    }
  }
  return {};
}

done make_keys(online_request& to) {
  std::vector<cell> fields;
  std::vector<const online_request::join_key*> columns;
  for (auto& part : to.parts) {
    columns.clear();
    for (const auto& key : part.entity->definition->key)
      columns.push_back(&*std::find_if(to.join_keys.begin(), to.join_keys.end(),
                                       [&](const auto& x) { return x.name == key.name; }));
    part.keys.resize(to.rows);
    for (size_t row = 0; row < to.rows; ++row) {
      fields.clear();
      for (auto* x : columns)
        fields.push_back(x->values[row]);
      append_entity_key(fields, part.keys[row]);
    }
  }
  return {};
}

done read_flag(dom::object body, std::string_view name, bool& out) {
  dom::element given;
  if (body[name].get(given) != simdjson::SUCCESS || given.is_null())
    return {};
  if (given.get(out) != simdjson::SUCCESS)
    return malformed(std::string{name}, "Input should be a valid boolean");
  return {};
}

} // namespace

std::vector<cell> online_request::given(const on_demand_view& to, size_t row) const {
  std::vector<cell> out;
  for (const auto& parameter : to.parameters) {
    auto x = std::find_if(parameters.begin(), parameters.end(),
                          [&](const auto& y) { return y.name == parameter.name; });
    out.push_back(x == parameters.end() ? cell{} : x->values[row]);
  }
  return out;
}

tl::expected<online_request, online_fault>
resolve_online_request(dom::element element, const catalog_index& index, size_t max_keys) {
  online_request to;
  dom::object body;
  if (element.get(body) != simdjson::SUCCESS)
    return malformed({}, "Input should be a valid dictionary");
  auto result =
      read_flag(body, "full_feature_names", to.full_names)
          .and_then([&] {
            return read_flag(body, "include_feature_view_version_metadata", to.version_metadata);
          })
          .and_then([&] { return read_features(to, index, body); })
          .and_then([&] { return check_collisions(to); })
          .and_then([&] { return read_entities(to, body, max_keys); })
          .and_then([&] { return read_parameters(to, body); })
          .and_then([&] { return make_keys(to); });
  if (!result)
    return tl::unexpected{std::move(result.error())};
  return to;
}

} // namespace keyfold::http
