#pragma once

#include "features/result.hpp"
#include "features/windows/time_zone.hpp"

#include <string>

namespace keyfold::config {

/// The time zone that the IANA database calls so, e.g. `Europe/Berlin`, from the files of the
/// system (package tzdata); `UTC` needs none.
result<time_zone> load_zone(const std::string& name);

} // namespace keyfold::config
