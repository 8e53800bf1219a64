#pragma once

#include "features/result.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace keyfold {

/// How much of an output file is valid: what a file beside it, `<path>.epoch`, says in one line,
/// `keyfold-output 1 EPOCH LENGTH`.
struct epoch_marker {
  uint64_t epoch = 0;  ///< the newest one that the file holds
  uint64_t length = 0; ///< bytes of the file up to the end of that epoch
};

/// Where the marker of the output file `path` is.
std::string marker_path(const std::string& path);

/// Reads the marker of `path`; nothing if there is none. An error when it is malformed.
result<std::optional<epoch_marker>> read_marker(const std::string& path);

/// Replaces the marker of `path`: after a crash at any moment it is the old or the new one, whole.
/// Durable when it returns.
result<void> write_marker(const std::string& path, const epoch_marker& marker);

} // namespace keyfold
