#pragma once

#include "features/entity.hpp"
#include "features/lookup_table.hpp"
#include "features/on_demand.hpp"

#include <caf/fwd.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace keyfold {

/// A feature that is not among its view's named ones.
struct open_feature {
  uint32_t view;
  std::string name;
  feature_value value;
};

/// What a query found for one key.
struct key_answer {
  bool found = false;                   ///< the entity has this key
  std::vector<feature_value> values;    ///< one per `feature_query::wanted`, in that order
  std::vector<open_feature> open;       ///< with `feature_query::with_open`
  event_time as_of = beginning_of_time; ///< the moment read at
  arena memory;                         ///< of the values' text
};

/// A read of features of one entity for one or many keys. Filled in by the entities' actors, each
/// its own answer; handed back by one call of `done` when the last has answered.
struct feature_query : std::enable_shared_from_this<feature_query> {
  // The question.
  uint32_t entity = 0;           ///< number in the catalogue
  std::vector<std::string> keys; ///< canonical texts (see entity_key.hpp)
  std::vector<feature_ref> wanted;
  bool with_open = false;          ///< also all features of open groups
  std::optional<event_time> as_of; ///< without: the watermark

  /// Called once, from any thread, perhaps before `submit` returns: the answers are complete.
  std::function<void(feature_query&)> done;

  // The answers, in the order of `keys`.
  std::vector<key_answer> answers;
  event_time watermark =
      beginning_of_time; ///< the oldest that an answer was read at, when `as_of` is not given

  std::atomic<uint32_t> open_answers{0}; ///< internal: how many are missing
};

/// What can be asked for: entities with their views, services. Immutable.
struct feature_catalog {
  struct service_feature {
    uint32_t entity;
    feature_ref feature; ///< of a computed one: its number in its on-demand view
    std::optional<uint32_t> on_demand = std::nullopt; ///< of a computed one: the number of its view
  };
  struct service {
    std::string name;
    std::vector<service_feature> features;
  };
  std::vector<std::shared_ptr<const entity_definition>> entities;
  std::vector<on_demand_view> on_demand;
  std::vector<service> services;
  std::vector<std::shared_ptr<const lookup_table>> tables = {};
};

/// The way from a reader to the entities' actors. Thread-safe; never blocks.
class feature_gateway {
public:
  virtual ~feature_gateway() = default;
  /// Sends the query to its keys' actors.
  /// @param unit the caller's execution unit, if it is one: actors that are idle run there, without
  /// a change of thread
  virtual void submit(std::shared_ptr<feature_query> query, caf::execution_unit* unit) = 0;
};

} // namespace keyfold
