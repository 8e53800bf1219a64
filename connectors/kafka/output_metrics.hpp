#pragma once

#include "connectors/common/metric_maker.hpp"

#include <memory>
#include <string>

namespace keyfold::kafka {

/// The metrics of one Kafka output. Thread-safe.
class output_metrics {
public:
  output_metrics(std::shared_ptr<metrics_registry> registry, const std::string& output);

private:
  metric_maker make_;

public:
  prometheus::Counter& records;
  prometheus::Counter& bytes;
  prometheus::Counter& committed;
  prometheus::Counter& failed;
  prometheus::Counter& queue_full;
  prometheus::Counter& errors;
  prometheus::Histogram& publish_seconds;
};

} // namespace keyfold::kafka
