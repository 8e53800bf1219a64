#pragma once

#include "http/catalog_index.hpp"
#include "http/dependencies.hpp"
#include "http/request_metrics.hpp"
#include "http/settings.hpp"
#include "http/tls.hpp"
#include "http/tokens.hpp"

#include <atomic>
#include <mutex>
#include <string>
#include <unordered_map>

namespace keyfold::http {

/// Counts connections, in all and per address. Thread-safe.
class connection_limits {
public:
  connection_limits(uint32_t most, uint32_t most_per_address)
      : most_(most), most_per_address_(most_per_address) {}
  /// False if one more would be too many. Each true is followed by one `leave`.
  bool enter(const std::string& address);
  void leave(const std::string& address);

private:
  const uint32_t most_;
  const uint32_t most_per_address_;
  std::mutex mutex_;
  uint32_t open_ = 0;
  std::unordered_map<std::string, uint32_t> per_address_; // never more entries than connections
};

/// What all endpoints and I/O threads share.
struct service {
  service(server_settings s, dependencies d)
      : settings(std::move(s)), outside(std::move(d)), index(outside.catalog),
        tokens(settings.tokens_file), tls(settings.tls_certificate, settings.tls_key),
        connections(settings.max_connections, settings.max_connections_per_address) {}

  const server_settings settings;
  const dependencies outside;
  const catalog_index index;
  request_metrics metrics;
  token_store tokens;
  tls_store tls;
  connection_limits connections;
  std::string definitions; ///< the body of /v1/definitions
  std::atomic<bool> draining{false};
};

} // namespace keyfold::http
