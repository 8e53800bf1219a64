#pragma once

#include "features/data_type.hpp"

#include <memory>
#include <utility>

namespace keyfold {

/// The type of a kind that needs nothing more: no decimal, list or map.
inline data_type scalar(type_kind kind) {
  return {kind, 0, 0, nullptr};
}

inline data_type list_type(data_type element) {
  return {type_kind::list, 0, 0, std::make_shared<const data_type>(std::move(element))};
}

} // namespace keyfold
