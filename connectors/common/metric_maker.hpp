#pragma once

#include "messages/metrics.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace keyfold {

/// Makes the metrics of one source or output: of the families `PREFIX_…`, with a label that names
/// it. Thread-safe; what it makes lives as long as it.
class metric_maker {
public:
  /// @param label e.g. `{"output", "changes"}`
  metric_maker(std::shared_ptr<metrics_registry> registry, std::string prefix,
               prometheus::Labels label);

  /// `PREFIX_WHAT_total`.
  prometheus::Counter& counter(const std::string& what, const std::string& help,
                               const prometheus::Labels& more = {}) const;
  /// `PREFIX_WHAT`.
  prometheus::Gauge& gauge(const std::string& what, const std::string& help) const;
  /// `PREFIX_publish_seconds`, from 5 ms to 30 s.
  prometheus::Histogram& publish_seconds(const std::string& help) const;
  /// `PREFIX_WHAT` of parts that come and go; each adds its labels to `label`.
  prometheus::Family<prometheus::Gauge>& gauges(const std::string& what,
                                                const std::string& help) const;
  const prometheus::Labels& label() const noexcept { return label_; }

private:
  std::shared_ptr<metrics_registry> registry_;
  std::string prefix_;
  prometheus::Labels label_;
};

/// `PREFIX_lag_records` of each partition of a source: what can be read and has not been. For one
/// thread.
class partition_lag {
public:
  partition_lag(const metric_maker& make, const std::string& help);
  ~partition_lag();
  partition_lag(const partition_lag&) = delete;
  partition_lag& operator=(const partition_lag&) = delete;

  void set(const std::string& partition, int64_t records);
  void forget(const std::string& partition);

private:
  prometheus::Labels label_;
  prometheus::Family<prometheus::Gauge>& family_;
  std::map<std::string, prometheus::Gauge*> gauges_;
};

} // namespace keyfold
