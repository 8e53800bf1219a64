#pragma once

#include <CLI/CLI.hpp>
#include <cstddef>
#include <string>
#include <vector>

/// `keyfold tail`: what an output amounts to, as a table.
namespace keyfold {

struct tail_options {
  std::string target; ///< a file, `kafka://HOST:PORT/TOPIC` or `s2://BASIN/STREAM`
  bool follow = false;
  bool json = false;
  bool events = false;                 ///< also what has a key, and CSV: nothing replaces anything
  size_t key_columns = 1;              ///< of a CSV file
  std::vector<std::string> properties; ///< librdkafka's or S2's, `name=value`
  int timeout_s = 15;                  ///< for an answer
  std::string registry;                ///< URL: records in Avro are recognised and read
  std::string registry_username;
  std::string registry_ca; ///< file; empty: the system's
};

/// Declares the arguments on the subcommand `app`; they are stored in `options`, which must outlive
/// the parsing.
void add_tail_options(CLI::App& app, tail_options& options);

/// Prints the table; with `follow`, then each further change as a line of JSON until a signal ends
/// the program. Returns the exit status.
int run_tail(const tail_options& options);

} // namespace keyfold
