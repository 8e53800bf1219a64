#pragma once

#include <string>

/// `keyfold check`: says what is wrong with a definition.
namespace keyfold {

/// Reads and compiles the definition in `file`. Prints a line about a right one to standard output,
/// or each error to standard error. Returns the exit status: 0, or 2 for a wrong definition.
int run_check(const std::string& file);

} // namespace keyfold
