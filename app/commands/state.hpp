#pragma once

#include <CLI/CLI.hpp>
#include <cstddef>
#include <string>

/// `keyfold state`: looks into a ledger, also beside the process that owns it; changes nothing.
namespace keyfold {

struct state_options {
  std::string ledger;
  std::string entity; ///< empty: all
  std::string key;    ///< its canonical text; needs `entity`
  bool positions = false;
  bool outbox = false;
  std::string definition; ///< file; decodes the features of `key`
  std::string as_of;      ///< RFC 3339; empty: the newest event the ledger knows
  size_t limit = 100;     ///< keys that are listed
};

/// Declares the arguments on the subcommand `app`; they are stored in `options`, which must outlive
/// the parsing.
void add_state_options(CLI::App& app, state_options& options);

/// Prints what is asked for. Returns the exit status.
int run_state(const state_options& options);

} // namespace keyfold
