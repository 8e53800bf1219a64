#pragma once

#include "features/result.hpp"
#include "http/dependencies.hpp"
#include "http/settings.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace keyfold::http {

class io_thread;
struct service;

/// The HTTP server: `settings.threads` I/O threads, each with its own acceptor on the same port.
/// The API is docs/http.md. Its functions may be called from any one thread that is not its own.
class server {
public:
  server(server_settings settings, dependencies outside);
  ~server();
  server(const server&) = delete;
  server& operator=(const server&) = delete;

  /// Binds, reads tokens and certificate, serves. Returns the port it listens on.
  result<uint16_t> start();
  /// The port of /metrics where it has a bind of its own; valid after `start`.
  uint16_t metrics_port() const noexcept { return metrics_port_; }
  /// /ready says 503, no new connections, answers carry `Connection: close`. Returns at once.
  void begin_drain();
  /// `begin_drain`, then waits until no connection is left, `settings.drain_timeout` at most.
  void drain();
  /// Closes what is left and ends the threads.
  void stop();

private:
  result<uint16_t> listen();

  std::shared_ptr<service> shared_;
  std::vector<std::shared_ptr<io_thread>> threads_;
  uint16_t metrics_port_ = 0;
};

} // namespace keyfold::http
