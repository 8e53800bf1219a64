#pragma once

#include "config/document.hpp"

namespace keyfold::config {

/// Validates the document against `definition_schema()` and complains of what does not fit, in
/// sentences that name the keys and values that would. Makes numbers of `"${NAME}"` where the
/// schema wants one. Returns whether it fits.
bool check_schema(document& x);

} // namespace keyfold::config
