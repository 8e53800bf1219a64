#pragma once

#include <functional>
#include <string>

namespace keyfold {

/// What `keyfold run` was asked to do.
struct run_options {
  std::string definition;   ///< path of the definition file
  bool exit_at_end = false; ///< read what is there now, publish, exit; also of Kafka topics
  std::string report;       ///< file for a JSON object with the run's figures, written at the end
  std::string log_level = "info"; ///< trace, debug, info, warn, error or off
  /// Called every 50 ms, and told whether records are being read: there were some in the last
  /// second.
  std::function<void(bool)> on_beat = [](bool) {};
};

/// Runs a definition until it is told to stop (SIGTERM, SIGINT), fails, or, with `exit_at_end`, has
/// read everything.
/// @return 0 after a graceful end, 1 after a failure while running, 2 when the definition is wrong
int run(const run_options& options);

} // namespace keyfold
