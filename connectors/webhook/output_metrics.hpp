#pragma once

#include "connectors/common/metric_maker.hpp"

#include <memory>
#include <string>

namespace keyfold::webhook {

/// What can be seen of an output.
class output_metrics {
public:
  output_metrics(std::shared_ptr<metrics_registry> registry, const std::string& output);

private:
  metric_maker make_;

public:
  prometheus::Counter& rows;
  prometheus::Counter& requests;
  prometheus::Counter& repeated;
  prometheus::Counter& refused;
};

} // namespace keyfold::webhook
