#pragma once

#include "features/event_time.hpp"
#include "features/result.hpp"

#include <cstdint>
#include <string_view>

namespace keyfold::config {

/// Reads `250us`, `500ms`, `5s`, `10m`, `2h`, `7d`: a whole number and its unit, not negative. The
/// error's message is what follows the quoted text.
result<duration> parse_duration(std::string_view text);

/// Reads `1000`, `1000B`, `64KiB`, `64MiB`, `1GiB`, `1TiB`, `1kB`, `1MB`, `1GB`, `1TB` as bytes.
/// The error's message is what follows the quoted text.
result<uint64_t> parse_size(std::string_view text);

} // namespace keyfold::config
