#pragma once

#include "features/entity.hpp"
#include "features/expression.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace keyfold {

/// Features that no state holds: they are computed when they are read, from other features of the
/// same key and from what the request says. Immutable, shared by all threads.
struct on_demand_view {
  struct feature {
    std::string name;
    expression value; ///< over the sources, then the parameters
  };

  std::string name;
  uint32_t entity = 0;              ///< its number among all
  std::vector<feature_ref> sources; ///< features of the entity
  std::vector<column> parameters;   ///< what the request gives
  std::vector<feature> features;

  /// Whether the value of feature number `number` depends on parameter number `parameter`; of
  /// others a null may be given.
  bool needs(uint32_t number, size_t parameter) const;

  /// The value of feature number `number`: null where the expression is, and not found where,
  /// besides, none of the sources was found. Its time is the newest source's. Text is in `memory`,
  /// or where the arguments' is.
  feature_value compute(uint32_t number, std::span<const feature_value> from,
                        std::span<const cell> given, arena& memory) const;
};

/// A parameter's value as a request writes it in text, e.g. in a URL; nothing where `text` is none
/// of the type. Bounded by the type; a string points into `text`.
std::optional<cell> read_parameter(std::string_view text, const data_type& type);

/// Whether a request can give a value of the type: a truth value, a number but no decimal, a
/// string, a timestamp.
bool can_be_parameter(const data_type& type) noexcept;

} // namespace keyfold
