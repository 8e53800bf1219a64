#pragma once

#include "config/view_kinds.hpp"

namespace keyfold::config {

/// Reads a view of the kind `top_k`.
std::shared_ptr<const view> read_top_k(const view_request& x);

} // namespace keyfold::config
