#pragma once

#include "config/view_kinds.hpp"

namespace keyfold::config {

/// Reads a view of the kind `decayed_counters`, or the part of a counter machine that is one.
std::shared_ptr<const view> read_decayed_counters(const view_request& x);

} // namespace keyfold::config
