#pragma once

#include "features/view.hpp"

#include <numeric>
#include <vector>

namespace keyfold {

/// `view::read_all` of a view that has no features but the named ones: reads them all, and passes
/// on those that the key has.
inline void read_named(const view& of, const view_state& state, event_time as_of, arena& memory,
                       feature_sink& sink) {
  auto features = of.features();
  std::vector<uint32_t> all(features.size());
  std::iota(all.begin(), all.end(), 0u);
  std::vector<feature_value> values(all.size());
  of.read(state, as_of, all, values, memory);
  for (auto i : all)
    if (values[i].status != feature_status::not_found)
      sink.on_feature(features[i].name, values[i]);
}

} // namespace keyfold
