#pragma once

#include "features/entity.hpp"
#include "features/result.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace keyfold {

/// A feature as text, for a table.
struct shown_feature {
  std::string view;
  std::string name;
  std::string value; ///< JSON
  std::string status;
  std::string event_time; ///< empty: none
};

/// Decodes the state of a key as the ledger keeps it, and reads all features of all its views.
/// Views whose definition differs from the one that wrote the state have none.
result<std::vector<shown_feature>>
read_key_features(const std::shared_ptr<const entity_definition>& entity, std::string_view state,
                  event_time as_of);

} // namespace keyfold
