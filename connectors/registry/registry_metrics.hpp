#pragma once

#include "connectors/common/metric_maker.hpp"

#include <memory>
#include <string>

namespace keyfold {

/// The metrics of one schema registry, labelled with its URL. Thread-safe.
class registry_metrics {
public:
  registry_metrics(std::shared_ptr<metrics_registry> registry, const std::string& url);

private:
  metric_maker make_;

public:
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
