#pragma once

#include "case.hpp"

namespace keyfold::conformance {

/// The runs of all cases of a file in the notation of patterns.json or windows.json. What cannot be
/// run is a run that says why. @throws unknown_notation where the file is in neither
std::vector<run> runs_of(const json& file);

/// The run's definition with an output of what is compared: every row, one JSON object a line.
json with_output(const run& x, const std::string& path);

/// What is wrong with rows that a run gave: which are missing, which are too many; empty when they
/// are those expected. Numbers are compared as numbers, times as milliseconds, members of objects
/// in any order.
std::string difference(const std::vector<json>& expected, const std::vector<json>& given);

} // namespace keyfold::conformance
