#pragma once

#include "http/problem.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace keyfold::http {

/// Why a request is refused before anybody looks at what it asks for.
struct refusal {
  fault what;
  std::string detail; ///< a sentence
};

/// Bounds of a header.
struct header_limits {
  uint32_t max_target_bytes = 4096;
  uint32_t max_fields = 64;
};

/// Refuses what proxies and servers are known to read differently (request smuggling, RFC 9112
/// sections 2.2, 3.2, 5.2, 6.1) and what Beast's parser lets through: folded lines, bare CR or LF,
/// a missing or second Host, a second Content-Length, Transfer-Encoding that is not exactly
/// `chunked`, that comes with Content-Length or with HTTP/1.0, a Content-Length that is no number;
/// and headers beyond the limits. Pure.
/// @param header from the first byte of the request line to the empty line, that included
std::optional<refusal> check_header(std::string_view header, const header_limits& limits);

} // namespace keyfold::http
