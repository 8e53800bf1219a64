#pragma once

#include "connectors/http_client/http_client.hpp"

#include <chrono>
#include <memory>
#include <string>

namespace keyfold {

/// What one of many exchanges may take.
struct http_transfer_limits {
  std::chrono::milliseconds timeout{0}; ///< for all of it; 0: it may go on for ever
  std::chrono::seconds quiet{0};        ///< without a byte; 0: any time
  size_t waiting_bytes = 1u << 20;      ///< that have come and were not taken; beyond, the server
                                        ///< waits
};

/// One exchange under way, of `http_transfers`, whose answer is taken bit by bit. Ends with the
/// object.
class http_transfer {
public:
  virtual ~http_transfer() = default;

  /// 0 until the answer's head has come.
  virtual long status() const = 0;
  /// Body bytes that have come and were not taken.
  virtual const std::string& waiting() const = 0;
  /// Takes them.
  virtual std::string take() = 0;
  /// No more will come.
  virtual bool ended() const = 0;
  /// Why it ended before its time, without secrets; empty: it did not.
  virtual const std::string& failure() const = 0;
  /// What the answer's Retry-After asks for; 0: nothing.
  virtual std::chrono::seconds retry_after() const = 0;
  /// When it was written, by the server's clock; 0: it does not say.
  virtual std::time_t date() const = 0;
};

/// Many exchanges with HTTP servers at once, on one thread: the caller's, but for `wake_up`.
/// Follows no redirects. Through libcurl, for its proxies, authentication and TLS. Outlives its
/// transfers.
class http_transfers {
public:
  explicit http_transfers(http_client_settings settings);
  ~http_transfers();
  http_transfers(const http_transfers&) = delete;
  http_transfers& operator=(const http_transfers&) = delete;

  /// Sends a request; its answer comes in by `advance`.
  std::unique_ptr<http_transfer> begin(http_exchange_request what, http_transfer_limits limits);
  /// Does what can be done without waiting.
  void advance();
  /// Waits until there is something to be done, or for `timeout`.
  void wait(std::chrono::milliseconds timeout);
  /// Ends the wait under way, or else the next. Any thread.
  void wake_up() noexcept;

private:
  class one;

  http_client_settings settings_;
  void* multi_; ///< libcurl's
};

} // namespace keyfold
