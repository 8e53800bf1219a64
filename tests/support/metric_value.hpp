#pragma once

#include "messages/metrics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

namespace keyfold::testing {

/// The sum of a counter or gauge over its series, or over those with a label whose value contains
/// `label`; NaN where there is none, so that a name that is wrong equals nothing.
inline double metric_value(const metrics_registry& metrics, const std::string& name,
                           const std::string& label = "") {
  auto out = std::numeric_limits<double>::quiet_NaN();
  for (const auto& family : metrics.Collect()) {
    if (family.name != name)
      continue;
    for (const auto& one : family.metric) {
      auto wanted = label.empty() || std::any_of(one.label.begin(), one.label.end(), [&](auto& x) {
                      return x.value.find(label) != std::string::npos;
                    });
      if (wanted)
        out = (std::isnan(out) ? 0 : out) + one.counter.value + one.gauge.value;
    }
  }
  return out;
}

} // namespace keyfold::testing
