#pragma once

#include "config/plan.hpp"

#include <string>

namespace keyfold::config {

/// The plan of a definition; fails the test case, with what speaks against it, if it is refused.
plan must_compile(const std::string& text);

/// Whether a definition is refused with a message that holds `of`; all its messages are shown if
/// the assertion fails. No message may show the secret of `test_environment`.
bool complains(const std::string& text, const std::string& of);

} // namespace keyfold::config
