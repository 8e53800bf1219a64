#pragma once

#include "http/problem.hpp"

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace keyfold::http {

/// What a request was for, as metrics name it.
enum class endpoint : uint8_t {
  entity,
  online_features,
  push,
  write,
  definitions,
  health,
  ready,
  metrics,
  other, ///< no such path, or refused before the path was known
};
inline constexpr size_t endpoint_count = static_cast<size_t>(endpoint::other) + 1;

std::string_view name_of(endpoint x) noexcept;

/// The counters of one I/O thread: written by it alone, read by whoever collects.
class thread_metrics {
public:
  /// The statuses counted one by one; others count as 500.
  static constexpr std::array<uint16_t, 19> statuses{200, 202, 400, 401, 403, 404, 405,
                                                     408, 413, 414, 417, 422, 429, 431,
                                                     500, 501, 503, 505, 100};
  /// Upper bounds of the latency histogram, microseconds.
  static constexpr std::array<uint32_t, 14> bounds_us{50,      100,     250,       500,      1'000,
                                                      2'500,   5'000,   10'000,    25'000,   50'000,
                                                      100'000, 250'000, 1'000'000, 5'000'000};

  void request(endpoint what, unsigned status, std::chrono::nanoseconds took) noexcept;
  /// A request or connection refused, or a bound reached.
  void rejected(fault why) noexcept { bump(rejected_[static_cast<size_t>(why)]); }

  std::atomic<uint64_t> accepted{0};
  std::atomic<uint64_t> accept_errors{0};
  std::atomic<uint64_t> timed_out{0}; ///< connections closed by a deadline
  std::atomic<int64_t> open{0};

  static void bump(std::atomic<uint64_t>& x) noexcept {
    // One writer: a plain add, without a locked instruction.
    x.store(x.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }

private:
  friend class request_metrics;

  std::array<std::array<std::atomic<uint64_t>, statuses.size()>, endpoint_count> requests_{};
  std::array<std::array<std::atomic<uint64_t>, bounds_us.size() + 1>, endpoint_count> latency_{};
  std::array<std::atomic<uint64_t>, endpoint_count> nanoseconds_{};
  std::array<std::atomic<uint64_t>, static_cast<size_t>(fault::http_version) + 1> rejected_{};
};

/// The sum over the threads, as Prometheus wants it: `keyfold_http_requests_total`,
/// `keyfold_http_request_duration_seconds`, `keyfold_http_connections`,
/// `keyfold_http_connections_total`, `keyfold_http_rejected_total` and others.
class request_metrics final : public prometheus::Collectable {
public:
  /// The counters of one more thread. Not while `Collect` runs.
  thread_metrics& add_thread();
  std::vector<prometheus::MetricFamily> Collect() const override;

private:
  /// Over the threads.
  template <class Select>
  uint64_t sum(Select&& select) const;
  void collect_endpoint(size_t number, prometheus::MetricFamily& requests,
                        prometheus::MetricFamily& latency) const;

  std::vector<std::unique_ptr<thread_metrics>> threads_;
};

} // namespace keyfold::http
