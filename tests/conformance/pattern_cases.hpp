#pragma once

#include "case.hpp"

namespace keyfold::conformance {

/// The runs of a case in the notation of patterns.json, whose head explains it.
std::vector<run> runs_of_pattern_case(const json& x);

/// Makes what a run emits comparable with what it expects: e.g. the ids of a match as one list.
json comparable_pattern_row(json row);

} // namespace keyfold::conformance
