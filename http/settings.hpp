#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace keyfold::http {

/// Where and within which bounds the server works. Plain data; the program fills it from the
/// definition's `serving` part.
struct server_settings {
  std::string address = "127.0.0.1";
  uint16_t port = 8080;        ///< 0: any free one
  std::string metrics_address; ///< empty: /metrics on the main port
  uint16_t metrics_port = 0;
  uint32_t threads = 1;

  uint32_t max_connections = 1024;
  uint32_t max_connections_per_address = 1024;
  uint32_t max_header_bytes = 8192; ///< request line and fields
  uint32_t max_header_fields = 64;
  uint32_t max_target_bytes = 4096;
  uint64_t max_body_bytes = 1u << 20;
  uint32_t max_keys_per_request = 1000;
  uint32_t max_rows_per_push = 100'000;
  uint32_t max_json_depth = 32;
  uint32_t max_pipelined = 16; ///< requests of a connection that wait for their answer

  std::chrono::milliseconds header_timeout{10'000}; ///< from the first byte, absolute
  std::chrono::milliseconds body_timeout{30'000};   ///< from the end of the header, absolute
  std::chrono::milliseconds idle_timeout{60'000};   ///< between requests
  std::chrono::milliseconds write_timeout{30'000};
  std::chrono::milliseconds drain_timeout{10'000};
  std::chrono::milliseconds query_timeout{5'000}; ///< for the entities' actors to answer a read
  std::chrono::milliseconds push_timeout{30'000}; ///< for pushed events to be durable

  std::string tokens_file;     ///< bearer tokens' SHA-256; empty: no authentication
  std::string tls_certificate; ///< PEM, with the chain; with `tls_key`: HTTPS
  std::string tls_key;
};

} // namespace keyfold::http
