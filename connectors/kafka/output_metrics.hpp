#pragma once

#include <prometheus/counter.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <map>
#include <memory>
#include <string>

namespace keyfold::kafka {

/// The metrics of one Kafka output. Thread-safe.
class output_metrics {
public:
  output_metrics(std::shared_ptr<prometheus::Registry> registry, const std::string& output);

  prometheus::Counter& records;
  prometheus::Counter& bytes;
  prometheus::Counter& committed;
  prometheus::Counter& failed;
  prometheus::Counter& queue_full;
  prometheus::Counter& errors;
  prometheus::Histogram& publish_seconds;

private:
  std::shared_ptr<prometheus::Registry> registry_;
};

} // namespace keyfold::kafka
