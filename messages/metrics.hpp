#pragma once

#include "features/entity.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <memory>
#include <string>
#include <vector>

namespace keyfold {

/// Where all of the program's metrics are registered. Thread-safe.
using metrics_registry = prometheus::Registry;

/// The counters of one view. Thread-safe.
struct view_counters {
  prometheus::Counter* rows;
  prometheus::Counter* late;
  prometheus::Counter* late_dropped;
  prometheus::Counter* skipped;
  prometheus::Counter* bound_reached;
  prometheus::Counter* expired;
  prometheus::Counter* emitted;

  void add(const fold_counts& x) const;
};

/// The counters of all views, by entity and view number.
struct view_metrics {
  std::vector<std::vector<view_counters>> views;

  /// Registers the families `keyfold_view_*_total` with the label `view`.
  static std::shared_ptr<view_metrics>
  make(metrics_registry& registry,
       const std::vector<std::shared_ptr<const entity_definition>>& entities);
};

/// Registers a counter of its own family. @pre the name ends in `_total`
prometheus::Counter& make_counter(metrics_registry& registry, const std::string& name,
                                  const std::string& help, const prometheus::Labels& labels = {});
prometheus::Gauge& make_gauge(metrics_registry& registry, const std::string& name,
                              const std::string& help, const prometheus::Labels& labels = {});

} // namespace keyfold
