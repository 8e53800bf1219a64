#pragma once

#include "config/plan.hpp"
#include "connectors/s2/s2_output.hpp"
#include "connectors/s2/s2_source.hpp"

#include <string>

namespace keyfold {

s2::basin_settings basin_of(const config::s2_basin& x);

/// What a source is made of, but for the format of its records.
s2::source_settings settings_of(const config::s2_source& x, bool bounded);

/// What an output is made of, but for its rows and their formats.
s2::output_settings settings_of(const config::s2_output& x, const std::string& name,
                                const std::string& application);

} // namespace keyfold
