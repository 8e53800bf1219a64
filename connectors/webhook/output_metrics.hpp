#pragma once

#include <prometheus/registry.h>

#include <prometheus/counter.h>

#include <memory>
#include <string>

namespace keyfold::webhook {

/// What can be seen of an output.
struct output_metrics {
  output_metrics(const std::shared_ptr<prometheus::Registry>& registry, const std::string& output);

  std::shared_ptr<prometheus::Registry> owner;
  prometheus::Counter& rows;
  prometheus::Counter& requests;
  prometheus::Counter& repeated;
  prometheus::Counter& refused;
};

} // namespace keyfold::webhook
