#pragma once

/// `keyfold schema`: the JSON Schema of definitions, for editors.
namespace keyfold {

/// Prints the schema to standard output. Returns the exit status, 0.
int run_schema();

} // namespace keyfold
