#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include <memory>
#include <string>

namespace keyfold {

/// The metrics of one schema registry, labelled with its URL. Thread-safe.
struct registry_metrics {
  registry_metrics(const std::shared_ptr<prometheus::Registry>& registry, const std::string& url);

  std::shared_ptr<prometheus::Registry> owner;
  prometheus::Counter& found;
  prometheus::Counter& missing;
  prometheus::Counter& refused;
  prometheus::Counter& failed;
  prometheus::Counter& registered;
  prometheus::Counter& forgotten;
  prometheus::Gauge& schemas;
  prometheus::Gauge& waiting;
};

} // namespace keyfold
