#pragma once

#include "case.hpp"

namespace keyfold::conformance {

/// The runs of a case in the notation of patterns.json, whose head explains it.
/// @throws unknown_notation, json::exception where the case has what is not known
std::vector<run> runs_of_pattern_case(const json& x);

} // namespace keyfold::conformance
