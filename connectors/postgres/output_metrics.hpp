#pragma once

#include "connectors/common/metric_maker.hpp"

#include <memory>
#include <string>

namespace keyfold::postgres {

/// The metrics of one PostgreSQL output. Thread-safe.
class output_metrics {
public:
  output_metrics(std::shared_ptr<metrics_registry> registry, const std::string& output);

private:
  metric_maker make_;

public:
  prometheus::Counter& upserts;
  prometheus::Counter& deletes;
  prometheus::Counter& replaced;
  prometheus::Counter& statements;
  prometheus::Counter& committed;
  prometheus::Counter& failed;
  prometheus::Counter& bisected;
  prometheus::Counter& dead_letters;
  prometheus::Counter& letter_waits;
  prometheus::Histogram& publish_seconds;
};

} // namespace keyfold::postgres
