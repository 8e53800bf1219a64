#pragma once

#include "features/cell.hpp"
#include "features/result.hpp"
#include "messages/feature_query.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace keyfold::http {

/// A map by name that is asked with views.
template <class T>
class name_map {
public:
  const T* find(std::string_view name) const {
    auto i = entries_.find(name);
    return i == entries_.end() ? nullptr : &i->second;
  }
  /// False if the name is taken.
  bool insert(std::string_view name, T value) {
    return entries_.emplace(std::string{name}, std::move(value)).second;
  }
  T& operator[](std::string_view name) { return entries_[std::string{name}]; }
  std::vector<std::string_view> names() const {
    std::vector<std::string_view> result;
    for (const auto& [name, value] : entries_)
      result.push_back(name);
    return result;
  }

private:
  struct hash {
    using is_transparent = void;
    size_t operator()(std::string_view x) const noexcept {
      return std::hash<std::string_view>{}(x);
    }
  };
  std::unordered_map<std::string, T, hash, std::equal_to<>> entries_;
};

/// A view by its place in the catalogue.
struct view_place {
  uint32_t entity;
  uint32_t view;
};

/// What an answer needs to know of an entity, made once.
struct entity_index {
  /// A feature as answers name it.
  struct named_feature {
    feature_ref place;
    std::string name; ///< the feature's own, or `view:feature` where two views have it
    std::string json; ///< the same as a JSON string with a colon
  };

  /// A feature computed when it is read.
  struct computed_feature {
    const on_demand_view* of = nullptr;
    uint32_t feature = 0; ///< its number in `of`
    std::string name;     ///< as of the others
    std::string json;
  };

  uint32_t number = 0;
  const entity_definition* definition = nullptr;
  std::vector<data_type> key_types;
  std::vector<std::string> key_json; ///< `"field":`, one per key field
  std::vector<named_feature> features;
  std::vector<feature_ref> places; ///< of `features`
  name_map<uint32_t> by_name; ///< `feature` where unambiguous, and `view:feature` → in `features`
  name_map<uint32_t> views;
  std::vector<computed_feature> computed;
  name_map<uint32_t> computed_by_name;      ///< as `by_name` → in `computed`
  std::vector<std::string_view> parameters; ///< that `computed` take, each once
  uint32_t open_views = 0;                  ///< how many have open groups
  bool plain_key = false; ///< one string field: a text without `|` and `\` is the key
};

/// Names → places of a catalogue. Immutable after construction; shared by all threads.
class catalog_index {
public:
  explicit catalog_index(std::shared_ptr<const feature_catalog> catalog);

  const feature_catalog& catalog() const noexcept { return *catalog_; }
  const entity_index* entity(std::string_view name) const;
  const entity_index& entity(uint32_t number) const { return entities_[number]; }
  const view_place* view(std::string_view name) const { return views_.find(name); }
  /// Null where there is none of the name.
  const on_demand_view* on_demand(std::string_view name) const;
  const feature_catalog::service* service(std::string_view name) const;
  /// The number of a feature in its view.
  std::optional<uint32_t> feature(view_place place, std::string_view name) const;
  const keyfold::view& at(view_place place) const {
    return *catalog_->entities[place.entity]->views[place.view];
  }

  std::vector<std::string_view> entity_names() const { return by_name_.names(); }
  std::vector<std::string_view> view_names() const { return views_.names(); }
  std::vector<std::string_view> service_names() const { return services_.names(); }

private:
  void add_entity(uint32_t number);
  void add_computed(entity_index& index, const name_map<uint32_t>& holders);

  std::shared_ptr<const feature_catalog> catalog_;
  std::vector<entity_index> entities_;
  name_map<uint32_t> by_name_;
  name_map<view_place> views_;
  name_map<uint32_t> services_;
};

/// A key as actors know it, and as answers show it.
struct canonical_key {
  std::string text;
  std::vector<cell> fields; ///< empty where the one field is a string and the same as `text`
};
/// Reads a key given as text. The text of its fields is in `memory`.
result<canonical_key> read_key(const entity_index& entity, std::string_view text, arena& memory);

} // namespace keyfold::http
