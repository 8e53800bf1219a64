#pragma once

#include "config/view_kinds.hpp"

namespace keyfold::config {

/// The readers of the view kinds over windows; each makes the view that the definition asks for.
/// docs/views/windows.md describes their keys.
std::shared_ptr<const view> read_sliding_window(const view_request& x);
std::shared_ptr<const view> read_tumbling_window(const view_request& x);
std::shared_ptr<const view> read_over_window(const view_request& x);
std::shared_ptr<const view> read_aggregate(const view_request& x);
std::shared_ptr<const view> read_session_window(const view_request& x);

} // namespace keyfold::config
