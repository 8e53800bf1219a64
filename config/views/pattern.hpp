#pragma once

#include "config/view_kinds.hpp"

namespace keyfold::config {

/// Reads a view of the kind `pattern`.
std::shared_ptr<const view> read_pattern(const view_request& x);

} // namespace keyfold::config
