#pragma once

#include "actors/routing.hpp"
#include "features/lookup_join.hpp"
#include "messages/metrics.hpp"

#include <vector>

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
  /// Of one lookup of the stream.
  struct lookup {
    prometheus::Counter* missing;
    prometheus::Counter* dropped;
  };
  std::vector<lookup> lookups; ///< in their order

  /// Registers the families with the label `stream`.
  static stream_counters make(metrics_registry& registry, const stream_schema& stream);

  void add(const routing_losses& x) const;
  /// Takes what `x` has counted.
  void add(lookup_join& x) const;
  /// Shows `x` in a gauge, as Unix time; the ends of time are 0.
  static void show(prometheus::Gauge& gauge, event_time x);
};

} // namespace keyfold
