#pragma once

#include "case.hpp"

namespace keyfold::conformance {

/// The runs of a file in the notation of windows.json: the tests under `python_tests`, which say
/// views over views as Feathub does, and the parts with `cases`, which say aggregates over sliding
/// windows.
std::vector<run> runs_of_window_cases(const json& file);

} // namespace keyfold::conformance
