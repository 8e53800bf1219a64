#pragma once

#include "actors/routing.hpp"
#include "messages/metrics.hpp"

#include <string>

namespace keyfold {

/// What is counted of every stream, whether it is read from a source or emitted by a view.
/// Thread-safe.
struct stream_counters {
  prometheus::Counter* rows;
  prometheus::Counter* filtered;
  prometheus::Counter* null_keys;
  prometheus::Counter* long_keys;
  prometheus::Gauge* watermark;
  prometheus::Gauge* newest;

  /// Registers the families with the label `stream`.
  static stream_counters make(metrics_registry& registry, const std::string& stream);

  void add(const routing_losses& x) const;
  /// Shows `x` in a gauge, as Unix time; the ends of time are 0.
  static void show(prometheus::Gauge& gauge, event_time x);
};

} // namespace keyfold
