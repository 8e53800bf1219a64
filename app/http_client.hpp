#pragma once

#include "features/result.hpp"

#include <chrono>
#include <string>
#include <string_view>

namespace keyfold {

/// `http://host:port`, taken apart.
struct http_address {
  bool tls = false;
  std::string host;
  std::string port;
  std::string base; ///< a path before all others, without a slash at its end
};
result<http_address> parse_http_address(std::string_view text);

struct http_request {
  http_address to;
  std::string target;         ///< path and query, escaped
  std::string bearer_token;   ///< empty: none
  std::string ca_certificate; ///< file with the certificates to trust; empty: the system's
  std::chrono::seconds timeout{10};
};

struct http_answer {
  unsigned status = 0;
  std::string body;
};

/// Sends a GET and waits for its answer. The error says that and why the server cannot be reached.
result<http_answer> http_get(const http_request& what);

} // namespace keyfold
