#pragma once

#include "connectors/common/metric_maker.hpp"

#include <memory>
#include <string>

namespace keyfold::dynamodb {

/// What can be seen of an output.
class output_metrics {
public:
  output_metrics(std::shared_ptr<metrics_registry> registry, const std::string& output);

private:
  metric_maker make_;

public:
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
