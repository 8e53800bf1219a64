#pragma once

#include "config/view_kinds.hpp"

#include <array>

namespace keyfold::config {

inline constexpr std::array attribution_roles{view_role{"touches"}, view_role{"conversions"}};

/// Reads a view of the kind `attribution`, which has the roles above.
std::shared_ptr<const view> read_attribution(const view_request& x);

} // namespace keyfold::config
