#pragma once

#include "features/nearest_name.hpp"

#include <algorithm>
#include <span>
#include <string>
#include <string_view>

namespace keyfold::http {

/// `did_you_mean` for names that come from a client: looks at the first 64 bytes of `name` and the
/// first 1000 candidates, so that no request can make it slow.
inline std::string suggestion(std::string_view name, std::span<const std::string_view> candidates) {
  return did_you_mean(name.substr(0, 64),
                      candidates.first(std::min<size_t>(candidates.size(), 1000)));
}

} // namespace keyfold::http
