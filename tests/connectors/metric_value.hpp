#pragma once

#include "messages/metrics.hpp"

#include <string>

namespace keyfold::testing {

/// The sum of a counter or gauge over its series; 0 where there is none.
inline double metric_value(const metrics_registry& metrics, const std::string& name) {
  double sum = 0;
  for (const auto& family : metrics.Collect())
    for (const auto& x : family.metric)
      if (family.name == name)
        sum += x.counter.value + x.gauge.value;
  return sum;
}

} // namespace keyfold::testing
