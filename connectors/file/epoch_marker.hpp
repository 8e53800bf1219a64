#pragma once

#include "features/result.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace keyfold {

/// How much of an output's files is valid: what a file beside them, `<path>.epoch`, says in one
/// line, `keyfold-output 1 EPOCH LENGTH`; or, of an output in parts,
/// `keyfold-output 2 EPOCH LENGTH PART BEGUN`.
struct epoch_marker {
  uint64_t epoch = 0;               ///< the newest one that the files hold
  uint64_t length = 0;              ///< bytes of the newest part up to the end of that epoch
  uint32_t part = 0;                ///< the number of the newest part; see `part_path`
  std::chrono::sys_seconds begun{}; ///< when that part was begun
};

/// Where the marker of the output `path` is.
std::string marker_path(const std::string& path);

/// Reads the marker of `path`; nothing if there is none. An error when it is malformed.
result<std::optional<epoch_marker>> read_marker(const std::string& path);

/// The marker as the ledger keeps it beside the epoch: `LENGTH PART BEGUN PATH`.
std::string position_text(const epoch_marker& marker, const std::string& path);
/// What such a text says of `path` as of `epoch`; nothing where it is of another path, or no such
/// text.
std::optional<epoch_marker> read_position(uint64_t epoch, std::string_view text,
                                          const std::string& path);

/// Replaces the marker of `path`: after a crash at any moment it is the old or the new one, whole.
/// The old one stays beside it, as `<path>.epoch.new`.
/// @param sync it is durable when this returns, and so is what was made in the folder before
result<void> write_marker(const std::string& path, const epoch_marker& marker, bool sync = true);

} // namespace keyfold
