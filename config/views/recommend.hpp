#pragma once

#include "config/view_kinds.hpp"

#include <array>

namespace keyfold::config {

inline constexpr std::array recommend_roles{view_role{"clicks"}, view_role{"sales", false}};

/// Reads a view of the kind `recommend`, which has the roles above.
std::shared_ptr<const view> read_recommend(const view_request& x);

} // namespace keyfold::config
