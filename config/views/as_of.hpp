#pragma once

#include "config/view_kinds.hpp"

#include <array>

namespace keyfold::config {

inline constexpr std::array as_of_roles{view_role{"values"}, view_role{"rows", false}};

/// Reads a view of the kind `as_of`, which has the roles above.
std::shared_ptr<const view> read_as_of(const view_request& x);

} // namespace keyfold::config
