#pragma once

#include "features/result.hpp"

#include <atomic>
#include <chrono>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace keyfold {

/// How to reach an HTTP server. Plain data.
struct http_client_settings {
  std::string user; ///< basic authentication; empty: none
  std::string password;
  std::string token;              ///< bearer authentication; empty: none
  std::string ca_certificate;     ///< file of the certificates to trust; empty: the system's
  std::string client_certificate; ///< file; with `client_key`: mutual TLS
  std::string client_key;
  std::chrono::milliseconds timeout{10'000}; ///< of one exchange
  size_t max_answer_bytes = 8u << 20;
  bool proxies = true; ///< as the environment says; false: none
};

struct http_exchange_request {
  std::string method = "GET";
  std::string url;
  std::vector<std::string> headers; ///< `Name: value`
  std::string body;
};

struct http_exchange_answer {
  long status = 0;
  std::string body;
  std::chrono::seconds retry_after{0}; ///< what its Retry-After asks for; 0: nothing
  std::time_t date = 0;                ///< by the server's clock; 0: it does not say
};

/// A client of other HTTP servers: one exchange after the other on one connection, which is kept.
/// Follows no redirects, since they would carry credentials elsewhere. For one thread but for
/// `interrupt`. Through libcurl, for its proxies, authentication and TLS.
class http_client {
public:
  explicit http_client(http_client_settings settings);
  ~http_client();
  http_client(const http_client&) = delete;
  http_client& operator=(const http_client&) = delete;

  /// Sends a request and waits for its answer, of whatever status. An error says why there is none,
  /// without secrets.
  result<http_exchange_answer> exchange(const http_exchange_request& what);
  /// Ends the exchange that runs, within a second, and all later ones.
  void interrupt() noexcept { interrupted_ = true; }

private:
  struct handle;

  http_client_settings settings_;
  std::unique_ptr<handle> handle_;
  std::atomic<bool> interrupted_ = false;
};

/// Escapes all that is not unreserved (RFC 3986), for one segment of a path or a query's value.
std::string escape_segment(std::string_view text);

} // namespace keyfold
