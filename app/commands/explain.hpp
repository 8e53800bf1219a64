#pragma once

#include <string>

/// `keyfold explain`: shows what a definition makes.
namespace keyfold {

/// Prints the graph of the definition in `file` to standard output: as text for a terminal, or as a
/// Mermaid flowchart. Returns the exit status: 0, or 2 for a wrong definition, whose errors go to
/// standard error.
int run_explain(const std::string& file, bool mermaid);

} // namespace keyfold
