#pragma once

#include "connectors/common/metric_maker.hpp"

#include <memory>
#include <string>

namespace keyfold::s2 {

/// The metrics of one S2 output. Thread-safe.
class output_metrics {
public:
  output_metrics(std::shared_ptr<metrics_registry> registry, const std::string& output);

private:
  metric_maker make_;

public:
  prometheus::Counter& records;
  prometheus::Counter& bytes;
  prometheus::Counter& appends;
  prometheus::Counter& retries;
  prometheus::Counter& found_again;
  prometheus::Counter& foreign;
  prometheus::Counter& resumed;
  prometheus::Counter& deletes_left_out;
  prometheus::Counter& too_large;
  prometheus::Histogram& publish_seconds;
};

} // namespace keyfold::s2
