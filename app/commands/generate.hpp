#pragma once

#include "app/commands/counter_events.hpp"

#include <CLI/CLI.hpp>

#include <string>

/// `keyfold generate`: writes a seeded stream of events to a file, to standard output or to a
/// topic.
namespace keyfold {

struct generate_options {
  std::string kind; ///< of events; `counters` is the one there is
  counter_event_options counters;
  double rate = 0;          ///< events per second of the wall clock; 0: as fast as possible
  std::string output = "-"; ///< a file, `-` for standard output, or `kafka://HOST:PORT/TOPIC`
};

/// Declares the arguments on the subcommand `app`; they are stored in `options`, which must outlive
/// the parsing.
void add_generate_options(CLI::App& app, generate_options& options);

/// Returns the exit status. Says on standard error what it wrote, or why it could not.
int run_generate(const generate_options& options);

} // namespace keyfold
