#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace keyfold::kafka {

/// The metrics of one Kafka source. Thread-safe but for `lag` and `forget`, which are the reader
/// thread's.
class source_metrics {
public:
  source_metrics(std::shared_ptr<prometheus::Registry> registry, const std::string& stream);
  ~source_metrics();
  source_metrics(const source_metrics&) = delete;
  source_metrics& operator=(const source_metrics&) = delete;

  /// Records that can be read but have not been, of a partition.
  void lag(const std::string& partition, int64_t records);
  void forget(const std::string& partition);

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

private:
  source_metrics(prometheus::Registry& registry, const std::string& stream);

  std::shared_ptr<prometheus::Registry> registry_;
  std::string stream_;
  prometheus::Family<prometheus::Gauge>& lag_family_;
  std::map<std::string, prometheus::Gauge*> lags_;
};

} // namespace keyfold::kafka
