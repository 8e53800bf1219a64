#pragma once

#include <prometheus/registry.h>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>

#include <memory>
#include <string>

namespace keyfold::dynamodb {

/// What can be seen of an output.
struct output_metrics {
  output_metrics(const std::shared_ptr<prometheus::Registry>& registry, const std::string& output);

  std::shared_ptr<prometheus::Registry> owner;
  prometheus::Counter& rows;
  prometheus::Counter& superseded;
  prometheus::Counter& requests;
  prometheus::Counter& unprocessed;
  prometheus::Counter& throttled;
  prometheus::Counter& failed;
  prometheus::Counter& held;
  prometheus::Counter& refused;
  prometheus::Gauge& in_flight;
  prometheus::Histogram& publish_seconds;
};

} // namespace keyfold::dynamodb
