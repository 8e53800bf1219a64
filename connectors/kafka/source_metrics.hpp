#pragma once

#include "connectors/common/metric_maker.hpp"

#include <memory>
#include <string>

namespace keyfold::kafka {

/// The metrics of one Kafka source. Thread-safe but for `lag` and `forget`, which are the reader
/// thread's.
class source_metrics {
public:
  source_metrics(std::shared_ptr<metrics_registry> registry, const std::string& stream);

  /// Records that can be read but have not been, of a partition.
  void lag(const std::string& partition, int64_t count) { lag_.set(partition, count); }
  void forget(const std::string& partition) { lag_.forget(partition); }

private:
  metric_maker make_;
  partition_lag lag_;

public:
  prometheus::Counter& records;
  prometheus::Counter& bytes;
  prometheus::Counter& tombstones;
  prometheus::Counter& held_back;
  prometheus::Counter& unparsable;
  prometheus::Counter& rebalances;
  prometheus::Counter& disconnects;
  prometheus::Counter& errors;
  prometheus::Counter& lost_positions;
  prometheus::Counter& group_commit_failures;
  prometheus::Counter& stalls;
  prometheus::Gauge& stalled;
};

} // namespace keyfold::kafka
