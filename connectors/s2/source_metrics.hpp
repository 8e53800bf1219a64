#pragma once

#include "connectors/common/metric_maker.hpp"

#include <memory>
#include <string>

namespace keyfold::s2 {

/// The metrics of one S2 source. For the reader's thread.
class source_metrics {
public:
  source_metrics(std::shared_ptr<metrics_registry> registry, const std::string& stream);

  /// Records between what was read of a stream of the basin and its tail.
  void lag(const std::string& partition, int64_t count) { lag_.set(partition, count); }
  void forget(const std::string& partition) { lag_.forget(partition); }

private:
  metric_maker make_;
  partition_lag lag_;

public:
  prometheus::Counter& records;
  prometheus::Counter& bytes;
  prometheus::Counter& commands;
  prometheus::Counter& empty;
  prometheus::Counter& held_back;
  prometheus::Counter& unparsable;
  prometheus::Counter& errors;
  prometheus::Counter& connections;
  prometheus::Counter& lost_positions;
  prometheus::Gauge& streams;
  prometheus::Gauge& left_out;
  prometheus::Gauge& refused_streams;
  prometheus::Gauge& buffered;
};

} // namespace keyfold::s2
